import ArgumentParser
import Volute
import VoluteFormats

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "The tensors in a file: keys, shapes, types, sizes.",
    discussion: """
      The content says what a file is: safetensors, a checkpoint of PyTorch (.pt, .pth, of any age), .npz or .npy. \
      Nothing in a file is ever run.

        volute inspect weights.safetensors
        volute inspect run.pt --json
      """)

  @Argument(
    help: "The file.", completion: .file(extensions: ["safetensors", "pt", "pth", "npz", "npy"]))
  var file: String

  @Flag(name: .long, help: "Print one JSON object.")
  var json = false

  func run() throws {
    let listing = try FileListing(WeightFile(file))
    print(json ? listing.json : listing.text)
  }
}

/// What a file holds, to be printed.
struct FileListing {
  /// Other values that the text shows; the JSON has all.
  private static let shownValues = 20

  private struct Row {
    let key: String
    let shape: [Int]
    let dtype: DType

    var count: Int { shape.reduce(1, *) }
    var bytes: Int { count * dtype.size }
  }

  private let path: String
  private let format: String
  private let rows: [Row]
  private let values: [(name: String, value: CheckpointValue)]

  init(_ file: WeightFile) throws(FormatError) {
    path = file.path
    format = file.format.rawValue
    rows = try file.tensors().map { Row(key: $0.name, shape: $0.tensor.shape, dtype: $0.tensor.dtype) }
    values = try file.otherValues()
  }

  private var count: Int { rows.reduce(0) { $0 + $1.count } }
  private var bytes: Int { rows.reduce(0) { $0 + $1.bytes } }

  var text: String {
    let total = "\(rows.count) tensor\(rows.count == 1 ? "" : "s")"
    let head = ["key", "shape", "type", "elements", "size"]
    let body = rows.map {
      [
        $0.key.printable, "\($0.shape)", $0.dtype.rawValue, grouped($0.count),
        scaled(Double($0.bytes), unit: "B"),
      ]
    }
    let foot = [total, "", "", grouped(count), scaled(Double(bytes), unit: "B")]
    let widths = head.indices.map { column in
      ([head, foot] + body).map { $0[column].count }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      let parts = cells.enumerated().map { column, cell in
        // Numbers end below each other.
        column < 3
          ? padded(cell, widths[column]) : String(repeating: " ", count: widths[column] - cell.count) + cell
      }
      return "  " + parts.joined(separator: "  ")
    }
    var lines = [Terminal.output.styled("\(path): \(format)", .bold), ""]
    if !rows.isEmpty { lines += [Terminal.output.styled(line(head), .dim)] + body.map(line) + [""] }
    lines.append(line(foot))
    if !values.isEmpty {
      lines.append("")
      let width = values.prefix(Self.shownValues).map { $0.name.printable.count }.max() ?? 0
      for (name, value) in values.prefix(Self.shownValues) {
        lines.append("  \(padded(name.printable, width))  \(value.description.shown)")
      }
      if values.count > Self.shownValues {
        lines.append("  and \(values.count - Self.shownValues) more; --json has them all")
      }
    }
    return lines.joined(separator: "\n")
  }

  var json: String {
    let tensors = rows.map {
      "{\"key\": \($0.key.quotedAsJSON), \"shape\": \($0.shape), \"dtype\": \"\($0.dtype.rawValue)\", "
        + "\"elements\": \($0.count), \"bytes\": \($0.bytes)}"
    }
    let others = values.map { "{\"name\": \($0.name.quotedAsJSON), \"value\": \(Self.json($0.value))}" }
    let fields = [
      ("file", path.quotedAsJSON), ("format", format.quotedAsJSON),
      ("tensors", "[\(tensors.joined(separator: ", "))]"), ("elements", "\(count)"), ("bytes", "\(bytes)"),
      ("values", "[\(others.joined(separator: ", "))]"),
    ]
    return "{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
  }

  /// A value that holds no others; what JSON lacks becomes a string.
  private static func json(_ value: CheckpointValue) -> String {
    switch value {
    case .none: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .real(let value) where value.isFinite: "\(value)"
    case .string(let value): value.quotedAsJSON
    default: value.description.quotedAsJSON
    }
  }
}
