import Volute

/// One object of a pickle. Objects name each other by their places in ``Pickle/nodes``, so neither sharing nor a
/// cycle nor depth can hurt whoever holds them.
enum PickleNode {
  case none
  case bool(Bool)
  case integer(Int)
  /// An integer beyond 64 bits: two's complement, low byte first.
  case largeInteger([UInt8])
  case real(Double)
  case string(String)
  case bytes([UInt8])
  case list([Int])
  case tuple([Int])
  /// Keys and values by turns.
  case dictionary([Int])
  case global(PickleGlobal)
  /// A place in ``Pickle/storages``.
  case storage(Int)
  case tensor(PickleTensor)

  /// What messages call it.
  var what: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer, .largeInteger: "an integer"
    case .real: "a number"
    case .string: "a string"
    case .bytes: "bytes"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a dictionary"
    case .global(let global): global.name
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

/// What a pickle says of elements that lie elsewhere in the checkpoint.
struct PickleStorage {
  var key: String
  /// nil when the storage is of bytes whose type the tensor says.
  var format: ElementFormat?
  /// The number of elements.
  var count: Int
  /// The part of the storage that is meant, in elements, where it is not the whole.
  var part: Range<Int>?

  var elementSize: Int { format?.size ?? 1 }
}

/// A window on a storage, as PyTorch describes it: sizes, strides and place in elements.
struct PickleTensor {
  /// A place in ``Pickle/storages``.
  var storage: Int
  var offset: Int
  var shape: [Int]
  var strides: [Int]
  var format: ElementFormat
}

/// The names that a pickle may ask for. None of them is looked up or run: each stands for a rule of ours.
enum PickleGlobal {
  case orderedDictionary
  case set
  case byteArray
  case encode
  case size
  case device
  case rebuildTensor
  /// The type of the elements is an argument.
  case rebuildTypedTensor
  case rebuildParameter
  case rebuildFromType
  case tensorClass
  /// nil for a storage of bytes.
  case storageClass(ElementFormat?)
  case elementType(String, ElementFormat)

  /// - Returns: nil when weights do not need the name.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("__builtin__", "set"), ("builtins", "set"): self = .set
    case ("__builtin__", "frozenset"), ("builtins", "frozenset"): self = .set
    case ("__builtin__", "bytearray"), ("builtins", "bytearray"): self = .byteArray
    case ("_codecs", "encode"): self = .encode
    case ("torch", "Size"): self = .size
    case ("torch", "device"): self = .device
    case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTypedTensor
    case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"):
      self = .rebuildParameter
    case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromType
    case ("torch", "Tensor"), ("torch.nn.parameter", "Parameter"): self = .tensorClass
    case ("torch.storage", "UntypedStorage"), ("torch.storage", "_UntypedStorage"),
      ("torch", "UntypedStorage"):
      self = .storageClass(nil)
    case ("torch", _), ("torch.cuda", _):
      if let dtype = Self.storages[name] {
        self = .storageClass(ElementFormat(.native(dtype)))
      } else if let kind = Self.types[name], module == "torch" {
        self = .elementType(name, ElementFormat(kind))
      } else {
        return nil
      }
    default: return nil
    }
  }

  var name: String {
    switch self {
    case .orderedDictionary: "collections.OrderedDict"
    case .set: "set"
    case .byteArray: "bytearray"
    case .encode: "codecs.encode"
    case .size: "torch.Size"
    case .device: "torch.device"
    case .rebuildTensor: "torch._utils._rebuild_tensor_v2"
    case .rebuildTypedTensor: "torch._utils._rebuild_tensor_v3"
    case .rebuildParameter: "torch._utils._rebuild_parameter"
    case .rebuildFromType: "torch._tensor._rebuild_from_type_v2"
    case .tensorClass: "torch.Tensor"
    case .storageClass: "a class of storages"
    case .elementType(let name, _): "torch.\(name)"
    }
  }

  private static let storages: [String: DType] = [
    "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "FloatStorage": .float32,
    "DoubleStorage": .float64,
    "CharStorage": .int8, "ShortStorage": .int16, "IntStorage": .int32, "LongStorage": .int64,
    "ByteStorage": .uint8, "BoolStorage": .bool,
  ]

  private static let types: [String: ElementFormat.Kind] = [
    "float16": .native(.float16), "bfloat16": .native(.bfloat16), "float32": .native(.float32),
    "float64": .native(.float64), "int8": .native(.int8), "int16": .native(.int16), "int32": .native(.int32),
    "int64": .native(.int64), "uint8": .native(.uint8), "bool": .native(.bool), "uint16": .unsigned(2),
    "uint32": .unsigned(4), "uint64": .unsigned(8),
  ]
}
