import Volute
import VoluteInsight

/// Programs that compute the numbers on the page.
struct Code {
  private let answers: LayerAnswers
  private let layer: ResolvedLayer

  init(_ answers: LayerAnswers) {
    self.answers = answers
    layer = answers.layer
  }

  private var axes: [Axis] { layer.axes }
  private var modes: [PaddingMode] {
    axes.map { $0.paddingBefore + $0.paddingAfter == 0 ? .zeros : $0.mode }
  }

  // MARK: - Swift

  var swift: String {
    let pads = axes.enumerated().map { index, axis -> String in
      axis.paddingBefore == axis.paddingAfter
        ? ".\(modes[index].rawValue)(\(axis.paddingBefore))"
        : ".sides(\(axis.paddingBefore), \(axis.paddingAfter), mode: .\(modes[index].rawValue))"
    }
    let (stride, dilation) = (list(axes.map(\.stride)), list(axes.map(\.dilation)))
    let symmetric = list(axes.map(\.paddingBefore))
    let call: String
    switch layer.kind {
    case .convolution:
      call =
        "try convolution(x, weight, stride: \(stride), padding: [\(pads.joined(separator: ", "))], "
        + "dilation: \(dilation))"
    case .transposedConvolution:
      call =
        "try transposedConvolution(\n  x, weight, stride: \(stride), padding: [\(pads.joined(separator: ", "))], "
        + "outputPadding: \(list(axes.map(\.outputPadding))),\n  dilation: \(dilation))"
    case .maxPool:
      call =
        "try maxPool(\n  x, rank: \(layer.rank), kernelSize: \(list(axes.map(\.kernel))), stride: \(stride), "
        + "padding: \(symmetric), dilation: \(dilation),\n  isCeil: \(layer.specification.isCeil)\n).values"
    case .averagePool:
      call =
        "try averagePool(\n  x, rank: \(layer.rank), kernelSize: \(list(axes.map(\.kernel))), stride: \(stride), "
        + "padding: \(symmetric),\n  isCeil: \(layer.specification.isCeil))"
    }
    return """
      import Volute

      let x = Tensor([\(numbers(answers.input))] as [Double], shape: \(list([1, 1] + layer.inputSize)))
      \(layer.kind.isPooling ? "" : "let weight = Tensor([\(numbers(answers.weight))] as [Double], shape: \(list([1, 1] + axes.map(\.kernel))))\n")print(\(call))

      """
  }

  // MARK: - PyTorch

  var pytorch: String {
    let name = (layer.kind == .averagePool ? "avg_pool" : layer.kind == .maxPool ? "max_pool" : "conv")
    let (stride, dilation) = (list(axes.map(\.stride)), list(axes.map(\.dilation)))
    var lines = [
      "import torch", "import torch.nn.functional as F", "",
      "x = torch.tensor([\(numbers(answers.input))], dtype=torch.float64).reshape(\(inner([1, 1] + layer.inputSize)))",
    ]
    if !layer.kind.isPooling {
      lines.append(
        "weight = torch.tensor([\(numbers(answers.weight))], dtype=torch.float64).reshape("
          + "\(inner([1, 1] + axes.map(\.kernel))))")
    }
    let ceil = layer.specification.isCeil ? "True" : "False"
    switch layer.kind {
    case .convolution:
      // Padding by mode and by side is done beforehand, an axis at a time; PyTorch takes one mode only.
      for (index, axis) in axes.enumerated() where axis.paddingBefore + axis.paddingAfter > 0 {
        lines += padded(index, axis)
      }
      lines.append("print(F.\(name)\(layer.rank)d(x, weight, stride=\(stride), dilation=\(dilation)))")
    case .transposedConvolution:
      lines += transposed(stride, dilation)
    case .maxPool:
      lines.append(
        "print(F.\(name)\(layer.rank)d(x, \(list(axes.map(\.kernel))), stride=\(stride), "
          + "padding=\(list(axes.map(\.paddingBefore))), dilation=\(dilation), ceil_mode=\(ceil)))")
    case .averagePool:
      lines.append(
        "print(F.\(name)\(layer.rank)d(x, \(list(axes.map(\.kernel))), stride=\(stride), "
          + "padding=\(list(axes.map(\.paddingBefore))), ceil_mode=\(ceil)))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Reads by index, which works for every mode and any amount.
  private func padded(_ index: Int, _ axis: Axis) -> [String] {
    let size = layer.inputSize[index]
    let positions = -axis.paddingBefore..<size + axis.paddingAfter
    if axis.mode == .zeros {
      var pairs = Array(repeating: 0, count: 2 * (layer.rank - index))
      pairs[2 * (layer.rank - index) - 2] = axis.paddingBefore
      pairs[2 * (layer.rank - index) - 1] = axis.paddingAfter
      return ["x = F.pad(x, \(list(pairs)))"]
    }
    let sources = positions.map { axis.mode.source(of: $0, size: size) }
    return ["x = x.index_select(\(index + 2), torch.tensor(\(list(sources))))  # \(axis.mode.rawValue)"]
  }

  /// The whole, then the padding taken off again: dropped, or, in the other modes, added to what it stands for.
  private func transposed(_ stride: String, _ dilation: String) -> [String] {
    let extra = axes.map(\.outputPadding)
    var lines = [
      "y = F.conv_transpose\(layer.rank)d(x, weight, stride=\(stride), output_padding=\(list(extra)), "
        + "dilation=\(dilation))"
    ]
    for (index, axis) in axes.enumerated() where axis.paddingBefore + axis.paddingAfter > 0 {
      let size = layer.outputSize[index]
      let dim = index + 2
      if axis.mode == .zeros {
        lines.append("y = y.narrow(\(dim), \(axis.paddingBefore), \(size))")
      } else {
        let targets = (-axis.paddingBefore..<size + axis.paddingAfter).map {
          axis.mode.source(of: $0, size: size)
        }
        lines += [
          "shape = list(y.shape); shape[\(dim)] = \(size)",
          "y = torch.zeros(shape, dtype=y.dtype).index_add(\(dim), torch.tensor(\(list(targets))), y)"
            + "  # \(axis.mode.rawValue)",
        ]
      }
    }
    return lines + ["print(y)"]
  }

  private func list(_ values: [Int]) -> String { "[\(inner(values))]" }
  private func inner(_ values: [Int]) -> String { values.map(String.init).joined(separator: ", ") }

  private func numbers(_ values: [Double]) -> String {
    values.map { $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\($0)" }.joined(separator: ", ")
  }
}
