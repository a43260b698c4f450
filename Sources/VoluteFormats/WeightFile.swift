import Volute

/// Named tensors of a file whose content says what it is: safetensors, a checkpoint of PyTorch, `.npz` or `.npy`.
///
/// ```swift
/// for (name, tensor) in try WeightFile("run.pt").tensors(under: "state_dict") { print(name, tensor.shape) }
/// ```
public struct WeightFile: Sendable {
  /// The formats that are known by their content.
  public enum Format: String, Hashable, Sendable {
    /// Hugging Face's named tensors.
    case safetensors
    /// What `torch.save` writes: a zip of a pickle and storages, or the older single file.
    case checkpoint = "PyTorch checkpoint"
    /// NumPy's archive of arrays.
    case npz
    /// One array of NumPy.
    case npy
  }

  /// The file, or what stands for it in errors.
  public let path: String
  private let contents: Contents

  private enum Contents: Sendable {
    case safetensors(SafetensorsFile)
    case checkpoint(Checkpoint)
    case npz(NPZ)
    case npy(Tensor)
  }

  /// Opens the file at `path`, whatever its name ends in.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read, is damaged, or is of none of these formats.
  public init(_ path: String) throws(FormatError) {
    try self.init(FileBytes(path: path))
  }

  /// Opens the file in `bytes`; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the bytes are damaged, or of none of these formats.
  public init(bytes: [UInt8], name: String = "weights") throws(FormatError) {
    try self.init(FileBytes(name: name, copying: bytes))
  }

  private init(_ file: FileBytes) throws(FormatError) {
    path = file.name
    let bytes = file.bytes
    if bytes.starts(with: NPYHeader.magic) {
      contents = .npy(try NPY.tensor(in: file))
    } else if bytes.starts(with: Array("PK".utf8)) {
      let archive = try ZipArchive(file)
      contents =
        Checkpoint.folder(of: archive) == nil
        ? .npz(NPZ(archive)) : .checkpoint(try Checkpoint(archive))
    } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
      contents = .safetensors(try SafetensorsFile(file))
    } else if Checkpoint.isPickle(bytes) {
      contents = .checkpoint(try Checkpoint(legacy: file))
    } else {
      throw FormatError(
        path, "is \(bytes.isEmpty ? "empty" : "of an unknown format")",
        mend: "known are safetensors, PyTorch's .pt and .pth, .npz and .npy")
    }
  }

  /// What the content is.
  public var format: Format {
    switch contents {
    case .safetensors: .safetensors
    case .checkpoint: .checkpoint
    case .npz: .npz
    case .npy: .npy
    }
  }

  /// Every tensor, in the order of the file: a checkpoint's by dotted names (see ``Checkpoint/tensors()``), the one of
  /// an `.npy` file as `arr_0`.
  ///
  /// - Parameter part: take only the names that start with this and a dot, and drop that from them: `state_dict` of a
  ///   checkpoint that has its epoch beside it.
  /// - Throws: ``FormatError`` when one of them is damaged or of a type that tensors lack, or `part` has none.
  public func tensors(under part: String? = nil) throws(FormatError) -> [(name: String, tensor: Tensor)] {
    let all = try everyTensor()
    guard let part else { return all }
    let prefix = "\(part)."
    let chosen = all.filter { $0.name.hasPrefix(prefix) }
    guard !chosen.isEmpty else {
      let parts = all.map { String($0.name.prefix { $0 != "." }).shown }
      var known: [String] = []
      for part in parts where !known.contains(part) && known.count < 10 { known.append(part) }
      throw FormatError(
        path, "has no tensors under '\(part)'",
        mend: known.isEmpty ? "it has none at all" : "its names start with \(known.joined(separator: ", "))")
    }
    return chosen.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) }
  }

  private func everyTensor() throws(FormatError) -> [(name: String, tensor: Tensor)] {
    switch contents {
    case .safetensors(let file):
      var result: [(name: String, tensor: Tensor)] = []
      for key in file.keys { result.append((key, try file.tensor(for: key))) }
      return result
    case .checkpoint(let checkpoint): return try checkpoint.tensors()
    case .npz(let archive): return try archive.tensors()
    case .npy(let tensor): return [(TensorFile.defaultName, tensor)]
    }
  }

  /// What the file says beside its tensors: the metadata of safetensors, and the numbers and strings of a checkpoint.
  ///
  /// - Throws: ``FormatError`` when the names are too long for any memory.
  public func otherValues() throws(FormatError) -> [(name: String, value: CheckpointValue)] {
    switch contents {
    case .safetensors(let file):
      file.metadata.sorted { $0.key.precedes($1.key) }.map { ($0.key, .string($0.value)) }
    case .checkpoint(let checkpoint): try checkpoint.otherValues()
    case .npz, .npy: []
    }
  }
}
