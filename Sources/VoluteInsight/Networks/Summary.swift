import Volute

/// What a network is made of and what a call of it costs, layer by layer.
public struct Summary: Sendable, CustomStringConvertible {
  /// A call of a module.
  public struct Row: Sendable {
    /// The module's path within the one that called it.
    public let name: String
    /// What the module calls itself, such as `Conv3d`.
    public let type: String
    /// Calls that this one was made within.
    public let depth: Int
    /// The shape of the first input.
    public let input: [Int]
    /// The shape that came out.
    public let output: [Int]
    /// The size of the window, for layers that have one.
    public let kernel: [Int]?
    /// Learned numbers of the module itself, not of those that it holds; 0 where an earlier row has counted them.
    public let parameters: Int
    /// Products that the module itself adds up.
    public let multiplyAdds: Int
  }

  /// The calls, in order.
  public let rows: [Row]
  /// Learned numbers of the network.
  public let parameters: Int
  /// Those of them that are not frozen.
  public let trainable: Int
  /// Products that all calls add up.
  public var multiplyAdds: Int { rows.reduce(0) { $0 + $1.multiplyAdds } }
  /// Bytes of the inputs.
  public let inputBytes: Int
  /// Bytes of the outputs of all layers that hold no others, and of their gradients.
  public let activationBytes: Int
  /// Bytes of the parameters.
  public let parameterBytes: Int

  /// - Parameters:
  ///   - model: the network.
  ///   - calls: of one run of `model`, from ``recordCalls(of:_:)``.
  public init(of model: any Module, calls: [CallRecord]) {
    var counted: Set<ObjectIdentifier> = []
    var rows: [Row] = []
    var activations = 0
    for call in calls {
      var own: [Parameter] = []
      var weight: [Int]?
      var isLeaf = true
      for (key, member) in call.module.members {
        switch member {
        case .parameter(let parameter):
          if key == "weight" { weight = parameter.shape }
          if counted.insert(ObjectIdentifier(parameter)).inserted { own.append(parameter) }
        case .module: isLeaf = false
        default: break
        }
      }
      rows.append(
        Row(
          name: call.name, type: call.module.typeName, depth: call.depth, input: call.inputs.first ?? [],
          output: call.output, kernel: weight.flatMap { $0.count > 2 ? Array($0.dropFirst(2)) : nil },
          parameters: own.reduce(0) { $0 + $1.count },
          multiplyAdds: call.module.multiplyAdds(inputs: call.inputs, output: call.output)))
      // What is kept for the way back, and its gradient.
      if isLeaf { activations += 2 * call.output.reduce(1, *) * call.elementSize }
    }
    self.rows = rows
    let all = model.parameters
    parameters = all.reduce(0) { $0 + $1.count }
    trainable = all.filter(\.requiresGrad).reduce(0) { $0 + $1.count }
    inputBytes = calls.first.map { $0.inputs.reduce(0) { $0 + $1.reduce(1, *) } * $0.elementSize } ?? 0
    activationBytes = activations
    parameterBytes = all.reduce(0) { $0 + $1.count * $1.dtype.size }
  }

  /// A table with a line a call, and the totals.
  public var description: String {
    let head = ["Layer", "Input", "Output", "Kernel", "Parameters", "Share", "Multiply-adds"]
    var cells: [[String]] = [head]
    for row in rows {
      let name =
        String(repeating: "  ", count: row.depth)
        + (row.name.isEmpty ? row.type : "\(row.name) (\(row.type))")
      cells.append([
        name, "\(row.input)", "\(row.output)", row.kernel.map { "\($0)" } ?? "--",
        row.parameters == 0 ? "--" : grouped(row.parameters),
        row.parameters == 0 || parameters == 0
          ? "--" : decimals(100 * Double(row.parameters) / Double(parameters), 2) + "%",
        row.multiplyAdds == 0 ? "--" : grouped(row.multiplyAdds),
      ])
    }
    let widths = head.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    let rule = String(repeating: "─", count: widths.reduce(0, +) + 2 * (widths.count - 1))
    var lines = cells.map { row in
      var line = ""
      for (column, text) in row.enumerated() {
        let room = String(repeating: " ", count: widths[column] - text.count)
        // Words on the left, numbers on the right.
        line += (column < 4 ? text + room : room + text) + (column == row.count - 1 ? "" : "  ")
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    lines.insert(rule, at: 1)
    lines.append(rule)
    let total = inputBytes + activationBytes + parameterBytes
    lines += [
      "Parameters: \(grouped(parameters)), of which \(grouped(trainable)) are learned",
      "Multiply-adds: \(grouped(multiplyAdds))",
      "Input: \(megabytes(inputBytes)), forward and backward: \(megabytes(activationBytes)), parameters: "
        + "\(megabytes(parameterBytes)), together \(megabytes(total))",
    ]
    return lines.joined(separator: "\n")
  }

  private func megabytes(_ bytes: Int) -> String { decimals(Double(bytes) / 1e6, 2) + " MB" }
}

/// `1234567` as `1,234,567`.
func grouped(_ number: Int) -> String {
  var digits = String(number.magnitude)
  var parts: [String] = []
  while digits.count > 3 {
    parts.insert(String(digits.suffix(3)), at: 0)
    digits.removeLast(3)
  }
  return (number < 0 ? "-" : "") + ([digits] + parts).joined(separator: ",")
}

/// A number with a fixed count of decimals.
func decimals(_ value: Double, _ places: Int) -> String {
  var scale = 1
  for _ in 0..<places { scale *= 10 }
  let rounded = Int((value.magnitude * Double(scale)).rounded())
  let fraction = String(rounded % scale)
  let text =
    "\(rounded / scale)"
    + (places == 0 ? "" : "." + String(repeating: "0", count: places - fraction.count) + fraction)
  return value < 0 && rounded != 0 ? "-" + text : text
}

/// What `model` is made of, from one call with zeros.
///
/// - Parameters:
///   - model: the network.
///   - inputSize: with the batch, such as `[1, 3, 224, 224]`.
/// - Throws: `ShapeError` when the input does not fit; it names the layer.
public func summary(_ model: any Layer, inputSize: [Int]) throws(ShapeError) -> Summary {
  let calls = try recordCalls(of: model) { () throws(ShapeError) in try model(Tensor.zeros(inputSize)) }
  return Summary(of: model, calls: calls)
}
