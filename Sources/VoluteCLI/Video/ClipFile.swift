import ArgumentParser
import Volute
import VoluteFormats
import VoluteModels

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Clips in files: a folder of images, one image, or an array.
enum ClipFile {
  /// The clip at `path` as `[1, channels, frames, height, width]`: bytes, or numbers from -1 to 1.
  ///
  /// An array is uint8 `[frames, height, width, channels]`, or floating-point `[channels, frames, height, width]` of 0 to 1.
  /// Gray becomes RGB, and what lies behind RGB is left out.
  static func read(_ path: String) throws -> Tensor {
    let clip: Tensor
    if OutputPath.hasEnding(path, [".npy"]) {
      let array = try NPY.read(path)
      guard array.rank == 4, array.count > 0, array.dtype == .uint8 || array.dtype.isFloatingPoint else {
        throw FormatError(
          path, "holds \(array.dtype.rawValue) \(array.shape), which is no clip",
          mend: "a clip is uint8 [frames, height, width, channels] or float [channels, frames, height, width]"
        )
      }
      clip =
        array.dtype == .uint8 ? array.permuted(3, 0, 1, 2) : array.to(.float32) * 2 - 1
    } else {
      clip = try frames(path).permuted(3, 0, 1, 2)
    }
    let (channels, size) = (clip.shape[0], Array(clip.shape.dropFirst()))
    switch channels {
    case 1: return clip.expanded([3] + size).unsqueezed(0)
    case 3: return clip.unsqueezed(0)
    case 4: return clip[0..<3].unsqueezed(0)
    default:
      throw FormatError(path, "has \(channels) channels", mend: "clips of 1, 3 and 4 channels are read")
    }
  }

  /// Frames of a folder, in the order of their names, as uint8 `[frames, height, width, channels]`.
  private static func frames(_ path: String) throws -> Tensor {
    guard isFolder(path) else { return try ImageFile.read(path).unsqueezed(0) }
    let names = try imageNames(path)
    guard let first = names.first else {
      throw FormatError(
        path, "has no frames", mend: "frames are files that end in \(listed(ImageFile.endings))")
    }
    let progress = Progress("reading frames", of: names.count)
    defer { progress.finish() }
    var frames: [Tensor] = []
    for name in names {
      let frame = try ImageFile.read("\(path)/\(name)")
      if let shape = frames.first?.shape, frame.shape != shape {
        throw FormatError("\(path)/\(name)", "is of shape \(frame.shape), but \(first) is of \(shape)")
      }
      frames.append(frame)
      progress.advance(name)
    }
    return try stack(frames)
  }

  /// Writes a clip `[channels, frames, height, width]` of -1 to 1: bytes, or numbers from 0 to 1 where `isFloat`.
  static func write(_ clip: Tensor, to path: String, isFloat: Bool) throws {
    if OutputPath.hasEnding(path, [".npy"]) {
      return try NPY.write(isFloat ? (clip + 1) / 2 : VideoClip.bytes(clip), to: path)
    }
    try makeFolder(path)
    let bytes = VideoClip.bytes(clip)
    let progress = Progress("writing frames", of: bytes.shape[0])
    defer { progress.finish() }
    for frame in 0..<bytes.shape[0] {
      let digits = String(frame + 1)
      let number = String(repeating: "0", count: Swift.max(5 - digits.count, 0)) + digits
      try PNG.write(bytes[frame], to: "\(path)/frame-\(number).png")
      progress.advance()
    }
  }

  /// Refuses a place where a clip cannot be written, before the work is done.
  static func checkOutput(_ path: String, isFloat: Bool) throws {
    if OutputPath.hasEnding(path, [".npy"]) { return try OutputPath.check(path) }
    if isFloat {
      throw ValidationError("--float is for an .npy file; the frames of a folder are bytes")
    }
    guard isFolder(path) else { return try OutputPath.check(path) }
    // Frames of two clips would be taken for one.
    if let name = try imageNames(path).first {
      throw FormatError(path, "holds frames already, such as \(name)", mend: "give another folder")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o777) != 0 && !isFolder(path) {
      throw FormatError(path, "cannot be created: \(String(cString: strerror(errno)))")
    }
  }

  /// The images in a folder; frame2 comes before frame10.
  private static func imageNames(_ path: String) throws -> [String] {
    guard let folder = opendir(path) else {
      throw FormatError(path, "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if OutputPath.hasEnding(name, ImageFile.endings), !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { orderedParts($0).lexicographicallyPrecedes(orderedParts($1), by: Part.precedes) }
  }

  /// A run of digits, or one other character.
  private enum Part {
    case number(digits: String)
    case character(Character)

    /// Numbers by their size, which is first that of their digits' count.
    static func precedes(_ a: Part, _ b: Part) -> Bool {
      switch (a, b) {
      case (.number(let a), .number(let b)): a.count != b.count ? a.count < b.count : a < b
      case (.number, .character): true
      case (.character, .number): false
      case (.character(let a), .character(let b)): a < b
      }
    }
  }

  private static func orderedParts(_ name: String) -> [Part] {
    var parts: [Part] = []
    var rest = name[...]
    while let character = rest.first {
      if "0"..."9" ~= character {
        let digits = rest.prefix { "0"..."9" ~= $0 }
        let trimmed = digits.drop { $0 == "0" }
        parts.append(.number(digits: String(trimmed)))
        rest = rest.dropFirst(digits.count)
      } else {
        parts.append(.character(character))
        rest = rest.dropFirst()
      }
    }
    return parts
  }
}
