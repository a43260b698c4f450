import Volute

/// What a checkpoint holds, as it was nested in Python.
public enum CheckpointValue: Sendable {
  /// Python's `None`.
  case none
  /// True or false.
  case bool(Bool)
  /// An integer of at most 64 bits.
  case integer(Int)
  /// An integer beyond 64 bits: two's complement, low byte first.
  case largeInteger([UInt8])
  /// A Python `float`.
  case real(Double)
  /// A string; a device (`cuda:0`) and a type of elements (`torch.float32`) are strings, too.
  case string(String)
  /// Python's `bytes`.
  case bytes([UInt8])
  /// A tensor, or a parameter of a module.
  case tensor(Tensor)
  /// A list or a set.
  case list([CheckpointValue])
  /// A tuple.
  case tuple([CheckpointValue])
  /// A dictionary, in its order.
  case dictionary([Entry])

  /// A key and a value of a dictionary.
  public struct Entry: Sendable {
    /// Usually a string.
    public var key: CheckpointValue
    /// What is kept under the key.
    public var value: CheckpointValue

    /// An entry of a dictionary.
    public init(key: CheckpointValue, value: CheckpointValue) {
      self.key = key
      self.value = value
    }
  }

  /// The value under a string key of a dictionary; nil when this is no dictionary or has no such key.
  public subscript(key: String) -> CheckpointValue? {
    guard case .dictionary(let entries) = self else { return nil }
    return entries.first { entry in
      if case .string(key) = entry.key { true } else { false }
    }?.value
  }

  /// The number, of either kind; nil when this is none.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .real(let value): value
    default: nil
    }
  }

  /// The string; nil when this is none.
  public var string: String? { if case .string(let value) = self { value } else { nil } }

  /// The tensor; nil when this is none.
  public var tensor: Tensor? { if case .tensor(let value) = self { value } else { nil } }
}

extension CheckpointValue: CustomStringConvertible {
  /// The value as Python writes it; of tensors and bytes only what they are.
  public var description: String {
    switch self {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): "\(value)"
    case .largeInteger(let bytes): "an integer of \(8 * bytes.count) bits"
    case .real(let value): "\(value)"
    case .string(let value): value.quotedAsJSON
    case .bytes(let bytes): "\(bytes.count) bytes"
    case .tensor(let tensor): "tensor(\(tensor.shape), \(tensor.dtype.rawValue))"
    case .list(let items): "[\(items.map(\.description).joined(separator: ", "))]"
    case .tuple(let items):
      "(\(items.map(\.description).joined(separator: ", "))\(items.count == 1 ? "," : ""))"
    case .dictionary(let entries):
      "{\(entries.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}"
    }
  }

  /// What a key adds to a dotted name.
  fileprivate var nameComponent: String {
    if case .string(let value) = self { value } else { description }
  }
}

extension CheckpointValue {
  /// Names longer than this altogether are refused: a nest of long keys has more of them than a file has bytes.
  private static let largestNames = 1 << 28

  /// Every value that holds no others, with the keys and places on the way to it joined by dots:
  /// `{"state_dict": {"0.weight": tensor}, "epoch": 3}` gives `state_dict.0.weight` and `epoch`.
  ///
  /// - Throws: ``FormatError``, naming `path`, when the names take more than 256 MiB.
  package func leaves(
    path: String
  ) throws(FormatError) -> [(name: String, value: CheckpointValue)] {
    var result: [(name: String, value: CheckpointValue)] = []
    var size = 0
    func visit(_ value: CheckpointValue, _ name: String) throws(FormatError) {
      func join(_ component: String) -> String { name.isEmpty ? component : "\(name).\(component)" }
      size += name.utf8.count
      guard size <= Self.largestNames else {
        throw FormatError(path, "the names of its values take more than \(Self.largestNames) bytes")
      }
      switch value {
      case .dictionary(let entries):
        for entry in entries { try visit(entry.value, join(entry.key.nameComponent)) }
      case .list(let items), .tuple(let items):
        for (index, item) in items.enumerated() { try visit(item, join(String(index))) }
      default: result.append((name, value))
      }
    }
    try visit(self, "")
    return result
  }
}
