import Volute

/// What a pickle holds.
///
/// A pickle is a program for a stack machine. Its instructions that build data are carried out; a name that it asks
/// for must be one of ``PickleGlobal``, and calling it is done by rules of ours (see PickleCalls.swift). Nothing
/// else is ever looked up, imported or run.
struct Pickle {
  private(set) var nodes: [PickleNode] = []
  private(set) var storages: [PickleStorage] = []
  /// The place of the whole among the nodes.
  private(set) var root = 0
  /// How many bytes it took.
  private(set) var byteCount = 0

  let name: String
  private var stack: [Int] = []
  private var marks: [Int] = []
  private var memo: [Int: Int] = [:]
  /// What calls have copied: an object can be copied by a call of few bytes, again and again.
  private var copied = 0

  /// Objects that a pickle may have: more than the vocabularies and optimisers of real checkpoints, and less than
  /// what hurts.
  private static let limit = 1 << 22

  /// Reads one pickle, up to its end.
  ///
  /// - Throws: ``FormatError`` when it is damaged, or asks for a name that weights do not need.
  init(_ reader: inout ByteReader) throws(FormatError) {
    name = reader.name
    let start = reader.offset
    while try step(&reader) {}
    root = try pop()
    byteCount = reader.offset - start
    stack = []
    memo = [:]
  }

  func fault(_ message: String, mend: String? = nil) -> FormatError {
    FormatError(name, "the pickle \(message)", mend: mend)
  }

  /// One instruction; false after the last.
  private mutating func step(_ reader: inout ByteReader) throws(FormatError) -> Bool {
    let byte: UInt8 = try reader.number("a pickle instruction")
    guard let opcode = PickleOpcode(rawValue: byte) else {
      let what = PickleOpcode.refused[byte] ?? "of code \(byte)"
      throw fault("has the instruction \(what) at offset \(reader.offset - 1), which checkpoints do not use")
    }
    switch opcode {
    case .proto:
      let version: UInt8 = try reader.number("the protocol")
      guard version <= 5 else { throw fault("is of protocol \(version)", mend: "2 to 5 are known") }
    case .frame: _ = try reader.number("a frame", as: UInt64.self)
    case .stop: return false
    case .mark:
      try checkRoom()
      marks.append(stack.count)
    case .pop: _ = try pop()
    case .popMark: _ = try popMark()
    case .duplicate: try push(try top())
    case .binGet: try recall(Int(try reader.number("a memo", as: UInt8.self)))
    case .longBinGet: try recall(Int(try reader.number("a memo", as: UInt32.self)))
    case .binPut: try keep(Int(try reader.number("a memo", as: UInt8.self)))
    case .longBinPut: try keep(Int(try reader.number("a memo", as: UInt32.self)))
    case .memoize: try keep(memo.count)
    case .none: try push(.none)
    case .newTrue: try push(.bool(true))
    case .newFalse: try push(.bool(false))
    case .binInt, .binInt1, .binInt2, .long1, .long4, .binFloat: try push(try number(opcode, &reader))
    case .shortBinString, .binString, .shortBinUnicode, .binUnicode, .binUnicode8:
      try push(try string(opcode, &reader))
    case .shortBinBytes, .binBytes, .binBytes8, .byteArray8:
      try push(.bytes(Array(try counted(opcode, &reader))))
    default: try build(opcode, &reader)
    }
    return true
  }

  /// The instructions that make objects of others.
  private mutating func build(_ opcode: PickleOpcode, _ reader: inout ByteReader) throws(FormatError) {
    switch opcode {
    case .emptyList, .emptySet: try push(.list([]))
    case .list, .frozenSet: try push(.list(try popMark()))
    case .append:
      let item = try pop()
      try extend(with: [item])
    case .appends, .addItems: try extend(with: try popMark())
    case .emptyTuple: try push(.tuple([]))
    case .tuple: try push(.tuple(try popMark()))
    case .tuple1: try push(.tuple(try pop(1)))
    case .tuple2: try push(.tuple(try pop(2)))
    case .tuple3: try push(.tuple(try pop(3)))
    case .emptyDictionary: try push(.dictionary([]))
    case .dictionary:
      try push(.dictionary([]))
      let place = try pop()
      let items = try popMark()
      try push(place)
      try extend(with: items, isDictionary: true)
    case .setItem: try extend(with: try pop(2), isDictionary: true)
    case .setItems: try extend(with: try popMark(), isDictionary: true)
    case .global:
      let module = try line(&reader)
      try push(.global(try global(module, try line(&reader))))
    case .stackGlobal:
      let parts = try pop(2)
      guard case .string(let module) = nodes[parts[0]], case .string(let name) = nodes[parts[1]] else {
        throw fault("asks for a name that is no text")
      }
      try push(.global(try global(module, name)))
    case .reduce, .newObject:
      let arguments = try pop()
      let function = try pop()
      try push(try call(function, arguments))
    case .build:
      // The attributes of an ordered dictionary: versions of modules, which weights do not need.
      _ = try pop()
      let target = nodes[try top()]
      guard case .dictionary = target else { throw fault("sets attributes of \(target.what)") }
    case .binPersistentID:
      let storage = try storage(try pop())
      storages.append(storage)
      try push(.storage(storages.count - 1))
    default: throw fault("has an instruction out of place")
    }
  }

  private func global(_ module: String, _ name: String) throws(FormatError) -> PickleGlobal {
    if let global = PickleGlobal(module: module, name: name) { return global }
    if module == "torch", name.hasSuffix("Storage") || name.hasPrefix("complex") || name.hasPrefix("float8") {
      throw fault(
        "has elements of torch.\(name.shown), which no tensor has", mend: "save them as another type")
    }
    throw fault(
      "asks for \(module.shown).\(name.shown), which is none of what weights are made of; nothing was run",
      mend: "in Python, save the weights alone: torch.save(model.state_dict(), path)")
  }

  // MARK: Stack

  private func checkRoom() throws(FormatError) {
    guard max(nodes.count, stack.count, marks.count, memo.count) < Self.limit else {
      throw fault("has more than \(Self.limit) objects")
    }
  }

  private mutating func push(_ place: Int) throws(FormatError) {
    try checkRoom()
    stack.append(place)
  }

  private mutating func push(_ node: PickleNode) throws(FormatError) {
    try checkRoom()
    nodes.append(node)
    stack.append(nodes.count - 1)
  }

  /// What is on the stack above the last mark.
  private var height: Int { stack.count - (marks.last ?? 0) }

  private func top() throws(FormatError) -> Int {
    guard height > 0, let place = stack.last else { throw fault("takes more from its stack than is there") }
    return place
  }

  private mutating func pop() throws(FormatError) -> Int {
    let place = try top()
    stack.removeLast()
    return place
  }

  private mutating func pop(_ count: Int) throws(FormatError) -> [Int] {
    guard height >= count else { throw fault("takes more from its stack than is there") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popMark() throws(FormatError) -> [Int] {
    guard let mark = marks.popLast() else { throw fault("goes back to a mark that it has not set") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private mutating func keep(_ index: Int) throws(FormatError) {
    try checkRoom()
    memo[index] = try top()
  }

  private mutating func recall(_ index: Int) throws(FormatError) {
    guard let place = memo[index] else { throw fault("recalls object \(index), which it has not kept") }
    try push(place)
  }

  /// Appends to the list or the dictionary at the top.
  private mutating func extend(with items: [Int], isDictionary: Bool = false) throws(FormatError) {
    let place = try top()
    switch nodes[place] {
    case .list(var list) where !isDictionary:
      // The only reference, so that appending copies nothing.
      nodes[place] = .none
      list += items
      nodes[place] = .list(list)
    case .dictionary(var pairs) where isDictionary && items.count % 2 == 0:
      nodes[place] = .none
      pairs += items
      nodes[place] = .dictionary(pairs)
    case let other: throw fault("adds \(items.count) items to \(other.what)")
    }
  }

  /// To be called before a call copies `count` sizes, items or bytes.
  mutating func countCopy(_ count: Int) throws(FormatError) {
    copied += count
    guard copied <= 4 * Self.limit else { throw fault("copies more than \(4 * Self.limit) items") }
  }

  // MARK: Constants

  private func number(
    _ opcode: PickleOpcode, _ reader: inout ByteReader
  ) throws(FormatError) -> PickleNode {
    let what = "a number"
    switch opcode {
    case .binInt: return .integer(Int(try reader.number(what, as: Int32.self)))
    case .binInt1: return .integer(Int(try reader.number(what, as: UInt8.self)))
    case .binInt2: return .integer(Int(try reader.number(what, as: UInt16.self)))
    case .binFloat:
      let bits: UInt64 = try reader.number(what)
      return .real(Double(bitPattern: bits.byteSwapped))
    default:
      let digits = try counted(opcode, &reader)
      guard digits.count <= 8 else { return .largeInteger(Array(digits)) }
      let isNegative = (digits.last ?? 0) >= 0x80
      var value: UInt64 = isNegative ? .max : 0
      for digit in digits.reversed() { value = value << 8 | UInt64(digit) }
      return .integer(Int(truncatingIfNeeded: value))
    }
  }

  private func string(
    _ opcode: PickleOpcode, _ reader: inout ByteReader
  ) throws(FormatError) -> PickleNode {
    let bytes = try counted(opcode, &reader)
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    // A string of Python 2 may be anything.
    if opcode == .shortBinString || opcode == .binString { return .bytes(Array(bytes)) }
    throw fault("has a string that is not UTF-8, before offset \(reader.offset)")
  }

  /// The bytes that follow their own number.
  private func counted(
    _ opcode: PickleOpcode, _ reader: inout ByteReader
  ) throws(FormatError) -> UnsafeRawBufferPointer {
    let what = "the length of a constant"
    let count: UInt64
    switch opcode {
    case .long1, .shortBinString, .shortBinUnicode, .shortBinBytes:
      count = UInt64(try reader.number(what, as: UInt8.self))
    case .binUnicode8, .binBytes8, .byteArray8: count = try reader.number(what)
    default: count = UInt64(try reader.number(what, as: UInt32.self))
    }
    return try reader.take(Int(clamping: count), "a constant")
  }

  /// The text up to the end of the line.
  private func line(_ reader: inout ByteReader) throws(FormatError) -> String {
    let rest = reader.bytes[reader.offset...]
    guard let end = rest.prefix(1024).firstIndex(of: UInt8(ascii: "\n")) else {
      throw fault("has a name without an end at offset \(reader.offset)")
    }
    let bytes = try reader.take(end - reader.offset, "a name")
    _ = try reader.take(1, "a name")
    return String(decoding: bytes, as: UTF8.self)
  }
}
