import Volute

/// What the calls in a pickle come to: the names that it may ask for, carried out by rules of ours.
extension Pickle {
  /// Axes that PyTorch allows a tensor.
  private static let largestRank = 64

  /// What calling the object at `function` with the tuple at `arguments` gives.
  mutating func call(_ function: Int, _ arguments: Int) throws(FormatError) -> PickleNode {
    guard case .global(let global) = nodes[function] else {
      throw fault("calls \(nodes[function].what)")
    }
    guard case .tuple(let arguments) = nodes[arguments] else {
      throw fault("calls \(global.name) with \(nodes[arguments].what) for arguments")
    }
    if case .rebuildFromType = global {
      // A tensor with attributes: (function, class, arguments, attributes).
      guard arguments.count == 4, case .global(let inner) = nodes[arguments[0]],
        case .tuple(let innerArguments) = nodes[arguments[2]]
      else { throw wrongArguments(global) }
      return try call(inner, innerArguments)
    }
    return try call(global, arguments)
  }

  private func wrongArguments(_ global: PickleGlobal) -> FormatError {
    fault("calls \(global.name) with arguments that it does not take")
  }

  private mutating func call(_ global: PickleGlobal, _ arguments: [Int]) throws(FormatError) -> PickleNode {
    switch global {
    case .orderedDictionary where arguments.isEmpty: return .dictionary([])
    case .orderedDictionary where arguments.count == 1: return .dictionary(try pairs(arguments[0]))
    case .set where arguments.isEmpty: return .list([])
    case .set where arguments.count == 1:
      guard let items = items(arguments[0]) else { throw wrongArguments(global) }
      return .list(items)
    case .size where arguments.count == 1:
      guard let items = items(arguments[0]) else { throw wrongArguments(global) }
      return .tuple(items)
    case .device where arguments.count == 1 || arguments.count == 2:
      guard case .string(let kind) = nodes[arguments[0]] else { throw wrongArguments(global) }
      guard arguments.count == 2 else { return .string(kind) }
      return .string("\(kind):\(try integer(arguments[1], "the device"))")
    case .byteArray where arguments.isEmpty: return .bytes([])
    case .byteArray where arguments.count == 1:
      guard case .bytes = nodes[arguments[0]] else { throw wrongArguments(global) }
      return nodes[arguments[0]]
    case .encode where arguments.count == 2, .byteArray where arguments.count == 2:
      guard case .string(let text) = nodes[arguments[0]] else { throw wrongArguments(global) }
      try countCopy(text.utf8.count)
      let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
      guard bytes.count == text.unicodeScalars.count else { throw wrongArguments(global) }
      return .bytes(bytes)
    case .rebuildTensor where (4...7).contains(arguments.count):
      return .tensor(try tensor(arguments, metadata: arguments.dropFirst(6).first))
    case .rebuildTypedTensor where (7...8).contains(arguments.count):
      guard case .global(.elementType(_, let format)) = nodes[arguments[6]] else {
        throw wrongArguments(global)
      }
      var tensor = try tensor(arguments, metadata: arguments.dropFirst(7).first)
      tensor.format = format
      return .tensor(tensor)
    case .rebuildParameter where !arguments.isEmpty:
      guard case .tensor = nodes[arguments[0]] else { throw wrongArguments(global) }
      return nodes[arguments[0]]
    default: throw wrongArguments(global)
    }
  }

  /// (storage, offset, sizes, strides, ...)
  private mutating func tensor(_ arguments: [Int], metadata: Int?) throws(FormatError) -> PickleTensor {
    guard case .storage(let storage) = nodes[arguments[0]] else {
      throw fault("makes a tensor of \(nodes[arguments[0]].what), not of a storage")
    }
    if let metadata {
      // Whether the elements are to be negated or conjugated.
      guard case .dictionary([]) = nodes[metadata] else {
        throw fault("makes a tensor with metadata, which is not known", mend: "save it after .resolve_neg()")
      }
    }
    let shape = try sizes(arguments[2], "sizes")
    let strides = try sizes(arguments[3], "strides")
    guard strides.count == shape.count else {
      throw fault("makes a tensor of \(shape.count) sizes and \(strides.count) strides")
    }
    return PickleTensor(
      storage: storage, offset: try integer(arguments[1], "an offset"), shape: shape, strides: strides,
      format: storages[storage].format ?? ElementFormat(.native(.uint8)))
  }

  /// ('storage', class, key, location, count) and, in old files, None or (key, offset, count) of the part that is
  /// meant.
  func storage(_ place: Int) throws(FormatError) -> PickleStorage {
    guard case .tuple(let parts) = nodes[place], let first = parts.first else {
      throw fault("refers to \(nodes[place].what) outside of it, which is no storage")
    }
    guard case .string("storage") = nodes[first] else {
      throw fault("refers to something outside of it that is no storage")
    }
    guard parts.count == 5 || parts.count == 6 else {
      throw fault("refers to a storage by \(parts.count) entries, not 5 or 6")
    }
    guard case .global(.storageClass(let format)) = nodes[parts[1]] else {
      throw fault("refers to a storage whose type is \(nodes[parts[1]].what)")
    }
    let key: String
    switch nodes[parts[2]] {
    case .string(let text): key = text
    case .integer(let number): key = String(number)
    default: throw fault("refers to a storage by \(nodes[parts[2]].what), not by its name")
    }
    let count = try integer(parts[4], "a storage's size")
    guard count >= 0 else { throw fault("refers to a storage of \(count) elements") }
    var part: Range<Int>?
    if parts.count == 6, case .tuple(let view) = nodes[parts[5]], view.count == 3 {
      let (start, size) = (try integer(view[1], "an offset"), try integer(view[2], "a size"))
      guard start >= 0, size >= 0, start <= count, size <= count - start else {
        throw fault("refers to elements \(start) and \(size) more of a storage of \(count)")
      }
      part = start..<start + size
    }
    return PickleStorage(key: key, format: format, count: count, part: part)
  }

  private mutating func sizes(_ place: Int, _ what: String) throws(FormatError) -> [Int] {
    guard let items = items(place) else { throw fault("has \(nodes[place].what) where \(what) should be") }
    guard items.count <= Self.largestRank else {
      throw fault("makes a tensor of \(items.count) axes", mend: "PyTorch allows \(Self.largestRank)")
    }
    try countCopy(items.count)
    var values: [Int] = []
    for item in items {
      let value = try integer(item, what)
      guard value >= 0 else { throw fault("has \(value) among \(what)") }
      values.append(value)
    }
    return values
  }

  private func integer(_ place: Int, _ what: String) throws(FormatError) -> Int {
    guard case .integer(let value) = nodes[place] else {
      throw fault("has \(nodes[place].what) where \(what) should be")
    }
    return value
  }

  private func items(_ place: Int) -> [Int]? {
    switch nodes[place] {
    case .list(let items), .tuple(let items): items
    default: nil
    }
  }

  /// Keys and values by turns, of a list of pairs.
  private mutating func pairs(_ place: Int) throws(FormatError) -> [Int] {
    guard let items = items(place) else { throw wrongArguments(.orderedDictionary) }
    try countCopy(2 * items.count)
    var result: [Int] = []
    for item in items {
      guard let pair = self.items(item), pair.count == 2 else { throw wrongArguments(.orderedDictionary) }
      result += pair
    }
    return result
  }
}
