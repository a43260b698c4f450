import Volute

#if HDF5
  import CHDF5
  import VoluteEngine

  /// The library is one for the process, and not made for several threads.
  private let library = Lock(())
#endif

/// The real arrays at the top of an HDF5 file, read by rows, so that a file need not fit into memory.
///
/// ```swift
/// let file = try HDF5File("dataset_2_1.hdf5")
/// print(try file.shape(of: "showers"), try file.rows(of: "showers", 0..<100))
/// ```
///
/// The system's library does the work, in packages built with the trait `HDF5`; others throw a sentence that says so.
public struct HDF5File: Sendable {
  /// Whether the package was built with HDF5.
  public static var isAvailable: Bool {
    #if HDF5
      true
    #else
      false
    #endif
  }

  /// Refuses a file where the package was built without HDF5, before any work is done for it.
  ///
  /// - Throws: ``FormatError`` that says how to build it in.
  public static func requireAvailable(for path: String) throws(FormatError) {
    #if !HDF5
      throw Handle.absence(path)
    #endif
  }

  /// The file, for errors.
  public let path: String
  private let handle: Handle

  /// Opens the file at `path`.
  ///
  /// - Throws: ``FormatError`` when the package was built without HDF5, or the file cannot be read, is none of HDF5, or
  ///   ends too early.
  public init(_ path: String) throws(FormatError) {
    handle = try Handle(path)
    self.path = path
  }

  /// The size of an array along each axis.
  ///
  /// - Throws: ``FormatError`` when there is no such array, or it does not hold real numbers.
  public func shape(of key: String) throws(FormatError) -> [Int] { try handle.form(of: key).shape }

  /// Rows that are read together at no extra cost: whole chunks, of no more than about `bytes`, and one at least.
  ///
  /// - Throws: ``FormatError`` as ``shape(of:)``.
  public func rowsAtOnce(of key: String, bytes: Int = 64 << 20) throws(FormatError) -> Int {
    let form = try handle.form(of: key)
    let row = form.shape.dropFirst().reduce(form.dtype.size) {
      $0.multipliedReportingOverflow(by: $1).partialValue
    }
    let most = Swift.max(bytes / Swift.max(row, 1), 1)
    return form.chunkRows <= most ? most / form.chunkRows * form.chunkRows : most
  }

  /// Rows of an array, as float64 where the file has more than 32 bits and as float32 otherwise.
  ///
  /// - Throws: ``FormatError`` when there is no such array, it does not hold real numbers, it has not so many rows, or its
  ///   bytes are damaged.
  public func rows(of key: String, _ range: Range<Int>) throws(FormatError) -> Tensor {
    try handle.rows(of: key, range)
  }

  /// Writes arrays of float32 and float64, in chunks of about a mebibyte that are deflated, whole or not at all.
  ///
  /// - Throws: ``FormatError`` when the package was built without HDF5, an array is of another type or a single number,
  ///   or the file cannot be written.
  public static func write(
    _ arrays: [(name: String, tensor: Tensor)], to path: String
  ) throws(FormatError) {
    try AtomicFile.write(Handle.image(of: arrays, path), to: path)
  }
}

#if !HDF5
  /// What a build without HDF5 has in place of a file.
  private struct Handle: Sendable {
    private let none: Never

    init(_ path: String) throws(FormatError) { throw Self.absence(path) }

    func form(of key: String) throws(FormatError) -> (shape: [Int], dtype: DType, chunkRows: Int) {
      switch none {}
    }

    func rows(of key: String, _ range: Range<Int>) throws(FormatError) -> Tensor { switch none {} }

    static func image(
      of arrays: [(name: String, tensor: Tensor)], _ path: String
    ) throws(FormatError) -> [UInt8] {
      throw absence(path)
    }

    static func absence(_ path: String) -> FormatError {
      FormatError(
        path, "is HDF5, and this was built without it",
        mend:
          "'apt-get install libhdf5-dev' and 'swift build --traits HDF5' build it in, or convert the file to .npz"
      )
    }
  }
#else
  /// An open file.
  private final class Handle: Sendable {
    typealias Form = (shape: [Int], dtype: DType, chunkRows: Int)

    private let path: String
    private let id: hid_t

    init(_ path: String) throws(FormatError) {
      // Says what is wrong with a file that cannot be read as everywhere else.
      let file = try FileBytes(path: path)
      guard withExtendedLifetime(file, { Self.isHDF5(file.bytes) }) else {
        throw FormatError(path, "is no HDF5 file: its \(file.bytes.count) bytes have no signature of one")
      }
      id = try library.withLock { _ throws(FormatError) in
        volute_hdf5_quieten()
        return try Self.checked(volute_hdf5_open(path), path, "is HDF5, but cannot be opened")
      }
      self.path = path
    }

    deinit { library.withLock { _ in _ = H5Fclose(id) } }

    /// The signature lies at the beginning, or behind a block of the user's, of 512 bytes, 1024, 2048 and so on.
    private static func isHDF5(_ bytes: UnsafeRawBufferPointer) -> Bool {
      let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
      var place = 0
      while place <= bytes.count - signature.count {
        if bytes[place..<place + signature.count].elementsEqual(signature) { return true }
        place = place == 0 ? 512 : place * 2
      }
      return false
    }

    /// A result that is not negative, or else an error with what the library says.
    private static func checked<Number: SignedInteger>(
      _ result: Number, _ path: String, _ message: String
    ) throws(FormatError) -> Number {
      if result >= 0 { return result }
      let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer -> String in
        guard let base = buffer.baseAddress else { return "" }
        volute_hdf5_error(base)
        return String(cString: base)
      }
      throw FormatError(path, text.isEmpty ? message : "\(message): \(text)")
    }

    func form(of key: String) throws(FormatError) -> Form {
      try library.withLock { _ throws(FormatError) in
        try withDataset(key) { set throws(FormatError) in try form(set, key) }
      }
    }

    func rows(of key: String, _ range: Range<Int>) throws(FormatError) -> Tensor {
      try library.withLock { _ throws(FormatError) in
        try withDataset(key) { set throws(FormatError) in
          let form = try form(set, key)
          guard range.lowerBound >= 0, range.upperBound <= form.shape[0] else {
            throw FormatError(
              path,
              "the array '\(key.shown)' has \(form.shape[0]) rows, so none of \(range.lowerBound) to "
                + "\(range.upperBound)")
          }
          let shape = [range.count] + form.shape.dropFirst()
          let message =
            "the array '\(key.shown)' cannot be read at rows \(range.lowerBound) to \(range.upperBound)"
          func read<Value>(_ values: inout [Value]) throws(FormatError) {
            let result = values.withUnsafeMutableBytes { buffer in
              volute_hdf5_read(
                set, hsize_t(range.lowerBound), hsize_t(range.count), form.dtype == .float64 ? 1 : 0,
                buffer.baseAddress)
            }
            _ = try Self.checked(result, path, message)
          }
          let count = shape.reduce(1, *)
          if count == 0 { return .zeros(shape, dtype: form.dtype) }
          if form.dtype == .float64 {
            var values = [Double](repeating: 0, count: count)
            try read(&values)
            return Tensor(values, shape: shape)
          }
          var values = [Float](repeating: 0, count: count)
          try read(&values)
          return Tensor(values, shape: shape)
        }
      }
    }

    /// Runs `body` on an open dataset; within the lock.
    private func withDataset<Result>(
      _ key: String, _ body: (hid_t) throws(FormatError) -> Result
    ) throws(FormatError) -> Result {
      volute_hdf5_quieten()
      guard volute_hdf5_has(id, key) != 0 else { throw .missing(key, in: path, known: keys) }
      let set = try Self.checked(
        volute_hdf5_dataset(id, key), path, "the array '\(key.shown)' cannot be opened")
      defer { H5Dclose(set) }
      return try body(set)
    }

    private var keys: [String] {
      var result: [String] = []
      var text = [CChar](repeating: 0, count: 256)
      while result.count < 11,
        case let length = volute_hdf5_name(id, hsize_t(result.count), &text, text.count), length >= 0
      {
        result.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
      }
      return result
    }

    private func form(_ set: hid_t, _ key: String) throws(FormatError) -> Form {
      let (type, space, list) = (H5Dget_type(set), H5Dget_space(set), H5Dget_create_plist(set))
      defer {
        H5Tclose(type)
        H5Sclose(space)
        H5Pclose(list)
      }
      var sizes = [hsize_t](repeating: 0, count: 32)
      let rank = Int(H5Sget_simple_extent_dims(space, &sizes, nil))
      guard H5Tget_class(type) == H5T_FLOAT, rank > 0 else {
        throw FormatError(path, "the array '\(key.shown)' is not one of real numbers with rows")
      }
      let shape = sizes.prefix(rank).map { Int(clamping: $0) }
      guard shape.dropFirst().reduce((8, false), { ($0.0.multipliedReportingOverflow(by: $1)) }).1 == false
      else { throw FormatError(path, "the array '\(key.shown)' has rows too long for any memory: \(shape)") }
      var chunk = [hsize_t](repeating: 1, count: 32)
      let isChunked = H5Pget_layout(list) == H5D_CHUNKED && H5Pget_chunk(list, 32, &chunk) > 0
      return (shape, H5Tget_size(type) > 4 ? .float64 : .float32, isChunked ? Int(clamping: chunk[0]) : 1)
    }

    /// The bytes of a file with the arrays.
    static func image(
      of arrays: [(name: String, tensor: Tensor)], _ path: String
    ) throws(FormatError) -> [UInt8] {
      for (name, tensor) in arrays where ![.float32, .float64].contains(tensor.dtype) || tensor.rank == 0 {
        throw FormatError(
          path,
          "the array '\(name.shown)' of \(tensor.dtype.rawValue) and shape \(tensor.shape) cannot be written",
          mend: "arrays of float32 or float64 with rows can")
      }
      return try library.withLock { _ throws(FormatError) in
        volute_hdf5_quieten()
        let file = try checked(volute_hdf5_create(), path, "cannot be made")
        defer { H5Fclose(file) }
        for (name, tensor) in arrays {
          let sizes = tensor.shape.map { hsize_t($0) }
          let row = Swift.max(tensor.shape.dropFirst().reduce(tensor.dtype.size, *), 1)
          var chunk = sizes
          chunk[0] = hsize_t(Swift.min(Swift.max((1 << 20) / row, 1), tensor.shape[0]))
          let result = tensor.withUnsafeBytes { bytes in
            volute_hdf5_write(
              file, name, Int32(sizes.count), sizes, tensor.count > 0 ? chunk : nil,
              tensor.dtype == .float64 ? 1 : 0, bytes.baseAddress)
          }
          _ = try checked(result, path, "the array '\(name.shown)' cannot be written")
        }
        _ = try checked(H5Fflush(file, H5F_SCOPE_LOCAL), path, "cannot be finished")
        let size = try checked(H5Fget_file_image(file, nil, 0), path, "cannot be finished")
        var image = [UInt8](repeating: 0, count: size)
        _ = try checked(
          H5Fget_file_image(file, &image, image.count), path, "cannot be finished")
        return image
      }
    }
  }
#endif
