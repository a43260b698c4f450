import Foundation
import Volute
import VoluteFormats

/// The built command, run as a person runs it.
struct Command {
  let output: String
  let error: String
  let status: Int32

  var lines: [String] { output.split(separator: "\n").map(String.init) }

  /// - Parameters:
  ///   - words: the command line, separated by spaces; `{}` stands for `folder`.
  ///   - program: the product that is run.
  ///   - terminal: whether standard output and error are a terminal; all text is then in `output`.
  init(
    _ words: String, in folder: Folder? = nil, program: String = "volute",
    environment: [String: String] = [:], terminal: Bool = false
  ) throws {
    try self.init(
      words: words.split(separator: " ").map {
        $0.replacingOccurrences(of: "{}", with: folder?.path ?? "{}")
      }, program: program, environment: environment, terminal: terminal)
  }

  /// - Parameter words: the command line, word by word.
  init(
    words: [String], program: String = "volute", environment: [String: String] = [:], terminal: Bool = false
  ) throws {
    let process = Process()
    // The products lie beside the bundle of the tests.
    process.executableURL =
      URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: program)
    process.arguments = words
    process.environment = ProcessInfo.processInfo.environment
      .filter { $0.key != "NO_COLOR" }.merging(environment) { $1 }
    if terminal {
      let (reader, writer) = try Self.pseudoTerminal()
      process.standardOutput = writer
      process.standardError = writer
      try process.run()
      try writer.close()
      // Reading a terminal whose other side is gone fails; what came before is the text.
      var text: [UInt8] = []
      var part = Array(repeating: UInt8(0), count: 4096)
      while case let count = read(reader.fileDescriptor, &part, part.count), count > 0 {
        text += part[..<count]
      }
      output = String(decoding: text, as: UTF8.self)
      error = ""
    } else {
      let (out, err) = (Pipe(), Pipe())
      process.standardOutput = out
      process.standardError = err
      try process.run()
      output = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      error = String(decoding: err.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
    process.waitUntilExit()
    status = process.terminationStatus
  }

  private static func pseudoTerminal() throws -> (reader: FileHandle, writer: FileHandle) {
    var reader: Int32 = -1
    var writer: Int32 = -1
    guard openpty(&reader, &writer, nil, nil, nil) == 0 else { throw CocoaError(.fileReadUnknown) }
    return (
      FileHandle(fileDescriptor: reader, closeOnDealloc: true),
      FileHandle(fileDescriptor: writer, closeOnDealloc: true)
    )
  }
}

/// A folder of its own, gone with the test.
final class Folder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "volute-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The names of the files in it.
  var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }

  func read(_ name: String) throws -> Tensor { try TensorFile.read("\(path)/\(name)") }

  func text(_ name: String) throws -> String {
    try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
  }

  func write(_ name: String, _ tensor: Tensor) throws { try TensorFile.write(tensor, to: "\(path)/\(name)") }

  func write(_ name: String, text: String) throws {
    try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
  }
}

/// Numbers without a pattern.
func numbers(_ shape: [Int], dtype: DType = .float32) -> Tensor {
  let eighths = (0..<shape.reduce(1, *)).map { ($0 * $0 * 7 + $0 * 13 + 5) % 101 }
  return Tensor(eighths.map { Double($0) / 8 }, shape: shape).to(dtype)
}
