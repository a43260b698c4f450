import Volute

/// NumPy's `.npy`: one array in one file.
///
/// Versions 1.0, 2.0 and 3.0 are read, in either byte order and in C or Fortran order, of these types:
///
/// | NumPy | Tensor |
/// |---|---|
/// | `f2`, `f4`, `f8` | float16, float32, float64 |
/// | `i1`, `i2`, `i4`, `i8`, `u1` | int8, int16, int32, int64, uint8 |
/// | `b1` | bool; bytes other than 0 and 1 are true |
/// | `u2`, `u4` | int32, int64 |
/// | `u8` | int64; refused where a value does not fit |
/// | `V2`, `bfloat16` | bfloat16 |
///
/// NumPy has no name for bfloat16: its extension `ml_dtypes` writes such arrays as `<V2`, and so does ``encode(_:)``.
/// In Python they come back with `numpy.load(path).view(ml_dtypes.bfloat16)`.
///
/// Complex numbers, strings, dates, structured arrays and pickled objects are refused by name; nothing in a file is
/// ever executed. Bytes after the array are ignored, as NumPy ignores them.
public enum NPY {
  /// The array in the file at `path`.
  ///
  /// The file is mapped: aligned little-endian elements are not copied, and a Fortran-ordered array becomes a tensor
  /// of such strides. While the tensor lives nobody may shorten the file, which would end the process; replacing it,
  /// as ``write(_:to:)`` does, is harmless.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read or is not such a file.
  public static func read(_ path: String) throws(FormatError) -> Tensor {
    try tensor(in: FileBytes(path: path))
  }

  /// The array in `bytes`, a whole file; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the bytes are not such a file.
  public static func decode(_ bytes: [UInt8], name: String = "npy") throws(FormatError) -> Tensor {
    try tensor(in: FileBytes(name: name, copying: bytes))
  }

  /// The array in `bytes`, a whole file, which is copied; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the bytes are not such a file.
  public static func decode(
    _ bytes: UnsafeRawBufferPointer, name: String = "npy"
  ) throws(FormatError) -> Tensor {
    try tensor(in: FileBytes(name: name, copying: bytes))
  }

  /// A file that holds `tensor` in C order, byte for byte the one that `numpy.save` writes.
  public static func encode(_ tensor: Tensor) -> [UInt8] {
    var result = NPYHeader.encode(tensor)
    tensor.withUnsafeBytes { result.append(contentsOf: $0) }
    return result
  }

  /// Writes ``encode(_:)`` to `path`, whole or not at all.
  ///
  /// - Throws: ``FormatError`` when the file cannot be written.
  public static func write(_ tensor: Tensor, to path: String) throws(FormatError) {
    try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FormatError) in
      try sink.write(NPYHeader.encode(tensor))
      try tensor.withUnsafeBytes { (bytes) throws(FormatError) in try sink.write(bytes) }
    }
  }

  static func tensor(in file: FileBytes) throws(FormatError) -> Tensor {
    let (header, offset) = try NPYHeader.read(file)
    return try file.tensor(
      header.format, shape: header.shape, isFortranOrder: header.isFortranOrder, at: offset)
  }
}
