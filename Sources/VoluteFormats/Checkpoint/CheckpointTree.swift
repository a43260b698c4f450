import Volute
import VoluteEngine

/// Turns the objects of a pickle into a tree, and what it says of tensors into windows on the storages.
struct CheckpointTree {
  private let pickle: Pickle
  private let parts: [String: FileBytes]
  private let isBigEndian: Bool
  private var made: [Made: Storage] = [:]
  /// Objects and bytes that the tree may still show: sharing can make a tree larger than any memory.
  private var nodesLeft: Int
  private var bytesLeft: Int

  /// Bytes that were read as elements of one type.
  private struct Made: Hashable {
    var key: String
    var format: ElementFormat
  }

  /// Containers within containers.
  private static let largestDepth = 100

  /// - Parameters:
  ///   - parts: the bytes of each storage, by its key.
  ///   - isBigEndian: the byte order of the elements.
  init(_ pickle: Pickle, _ parts: [String: FileBytes], isBigEndian: Bool = false) {
    self.pickle = pickle
    self.parts = parts
    self.isBigEndian = isBigEndian
    nodesLeft = 16 * pickle.byteCount + 4096
    bytesLeft = 16 * (parts.values.reduce(0) { $0 + $1.bytes.count } + 1 << 20)
  }

  /// The whole.
  ///
  /// - Throws: ``FormatError`` when it contains itself, shares parts without measure, or a tensor leaves its storage.
  mutating func value() throws(FormatError) -> CheckpointValue { try value(pickle.root, depth: 0) }

  private mutating func value(_ place: Int, depth: Int) throws(FormatError) -> CheckpointValue {
    nodesLeft -= 1
    guard nodesLeft > 0 else { throw pickle.fault("shows its objects over and over") }
    guard depth <= Self.largestDepth else {
      throw pickle.fault("nests more than \(Self.largestDepth) deep, or contains itself")
    }
    switch pickle.nodes[place] {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .largeInteger(let bytes): return .largeInteger(bytes)
    case .real(let value): return .real(value)
    case .string(let value): return .string(value)
    case .bytes(let bytes): return .bytes(bytes)
    case .list(let items): return .list(try values(items, depth: depth))
    case .tuple(let items): return .tuple(try values(items, depth: depth))
    case .dictionary(let items): return .dictionary(try entries(items, depth: depth))
    case .global(let global): return .string(global.name)
    case .tensor(let tensor): return .tensor(try self.tensor(tensor))
    case .storage(let place):
      let storage = pickle.storages[place]
      return .tensor(
        try tensor(
          PickleTensor(
            storage: place, offset: 0, shape: [storage.part?.count ?? storage.count], strides: [1],
            format: storage.format ?? ElementFormat(.native(.uint8)))))
    }
  }

  private mutating func values(_ places: [Int], depth: Int) throws(FormatError) -> [CheckpointValue] {
    var result: [CheckpointValue] = []
    for place in places { result.append(try value(place, depth: depth + 1)) }
    return result
  }

  private mutating func entries(
    _ items: [Int], depth: Int
  ) throws(FormatError) -> [CheckpointValue.Entry] {
    var result: [CheckpointValue.Entry] = []
    var strings: Set<String> = []
    var integers: Set<Int> = []
    for index in stride(from: 0, to: items.count, by: 2) {
      let key = try value(items[index], depth: depth + 1)
      switch key {
      case .string(let text):
        guard strings.insert(text).inserted else {
          throw pickle.fault("has two entries '\(text.shown)' in one dictionary")
        }
      case .integer(let number):
        guard integers.insert(number).inserted else {
          throw pickle.fault("has two entries \(number) in one dictionary")
        }
      case .list, .dictionary, .tensor:
        throw pickle.fault("has \(pickle.nodes[items[index]].what) for a key of a dictionary")
      default: break
      }
      result.append(.init(key: key, value: try value(items[index + 1], depth: depth + 1)))
    }
    return result
  }

  // MARK: Tensors

  private mutating func tensor(_ tensor: PickleTensor) throws(FormatError) -> Tensor {
    let storage = pickle.storages[tensor.storage]
    guard let bytes = parts[storage.key] else {
      throw pickle.fault("refers to the storage '\(storage.key.shown)', which is not in the file")
    }
    guard storage.count <= bytes.bytes.count / storage.elementSize else {
      throw FormatError(
        bytes.name,
        "has \(bytes.bytes.count) bytes, but the pickle says \(storage.count) elements of "
          + "\(storage.elementSize) bytes", mend: "the file seems to be cut short")
    }
    var format = tensor.format
    format.isBigEndian = isBigEndian
    let size = format.size
    let count = try bytes.elementCount(tensor.shape)
    // Elements of the part that is meant, and where it starts, in elements of the tensor's own type.
    let part = storage.part ?? 0..<storage.count
    let room = part.count * storage.elementSize / size
    let start = part.lowerBound * storage.elementSize / size
    let strides = try checkedStrides(tensor, room: room, in: bytes.name)
    try charge(count * size, to: bytes)
    let elements = try elements(storage.key, format, of: bytes)
    return Tensor(
      storage: elements, dtype: format.dtype, shape: tensor.shape, strides: strides,
      offset: count == 0 ? 0 : start + tensor.offset)
  }

  private mutating func charge(_ count: Int, to bytes: FileBytes) throws(FormatError) {
    bytesLeft -= count
    guard bytesLeft >= 0 else {
      throw FormatError(
        bytes.name, "is shown by tensors of far more elements than it has",
        mend: "in Python, save them after .clone()")
    }
  }

  /// The strides of the tensor once it is sure that no element lies outside of the storage's `room` elements.
  private func checkedStrides(
    _ tensor: PickleTensor, room: Int, in name: String
  ) throws(FormatError) -> [Int] {
    guard !tensor.shape.contains(0) else { return StridedArray.contiguousStrides(tensor.shape) }
    var last = tensor.offset
    var fits = tensor.offset >= 0
    var strides = tensor.strides
    for axis in strides.indices {
      if tensor.shape[axis] == 1 {
        // The stride of a single element means nothing, and may be anything.
        strides[axis] = 1
        continue
      }
      let (reach, first) = (tensor.shape[axis] - 1).multipliedReportingOverflow(by: strides[axis])
      let (sum, second) = last.addingReportingOverflow(reach)
      fits = fits && !first && !second
      last = sum
    }
    guard fits, last < room else {
      throw FormatError(
        name,
        "a tensor of shape \(tensor.shape) and strides \(tensor.strides) from element \(tensor.offset) on "
          + "leaves its storage of \(room) elements")
    }
    return strides
  }

  /// The storage's bytes as elements of one type; every tensor on it shares them.
  private mutating func elements(
    _ key: String, _ format: ElementFormat, of bytes: FileBytes
  ) throws(FormatError) -> Storage {
    let made = Made(key: key, format: format)
    if let storage = self.made[made] { return storage }
    let whole = bytes.bytes.count / format.size * format.size
    try charge(whole, to: bytes)
    let storage = try bytes.storage(of: format, UnsafeRawBufferPointer(rebasing: bytes.bytes[..<whole]))
    self.made[made] = storage
    return storage
  }
}
