import Volute

// MARK: - Data

/// What a convolutional layer starts with.
func layer(_ weightShape: [Int]) -> (weight: Tensor, bias: Tensor?) {
  defaultParameters(weightShape: weightShape, biasCount: weightShape[0])
}

/// Small integers without a pattern, for results that can be compared exactly.
func integers(_ shape: [Int]) -> Tensor {
  let places = Tensor.arange(shape.reduce(1, *)).reshaped(shape)
  return (places * places * 7 + places * 3 + 2) % 11 - 5
}

/// The places along `axis` at which two tensors differ anywhere.
func moved(_ before: Tensor, _ after: Tensor, axis: Int = -1) -> [Int] {
  let place = axis < 0 ? axis + before.rank : axis
  let others = (0..<before.rank).filter { $0 != place }
  let differs = others.isEmpty ? before .!= after : (before .!= after).any(others)
  return differs.elements(as: Bool.self).indices.filter { differs.elements(as: Bool.self)[$0] }
}

// MARK: - Text

/// A shape as Python writes it: `(1, 3, 4)`.
func tupleText(_ shape: [Int]) -> String {
  "(" + shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? ",)" : ")")
}

/// `numerator / denominator` in lowest terms; the denominator is positive.
func fractionText(_ numerator: Int, _ denominator: Int) -> String {
  var (a, b) = (abs(numerator), denominator)
  while b != 0 { (a, b) = (b, a % b) }
  let divisor = max(a, 1)
  return denominator == divisor ? "\(numerator / divisor)" : "\(numerator / divisor)/\(denominator / divisor)"
}

/// The numbers of a printed tensor, without those of its type's name.
func numbers(in text: String) -> [Double] {
  text.prefix { $0 != "d" }
    .split { !($0.isNumber || "-+.e".contains($0)) }
    .compactMap { Double($0.hasSuffix(".") ? $0 + "0" : $0) }
}

/// Lines of at most `width` characters, broken at spaces.
func wrapped(_ text: String, _ width: Int) -> [String] {
  var lines: [String] = []
  for word in text.split(separator: " ") {
    if let last = lines.last, last.count + word.count < width {
      lines[lines.count - 1] = last + " " + word
    } else {
      lines.append(String(word))
    }
  }
  return lines
}

// MARK: - Symbols

/// A convolution over symbols: an integer weight repeats a symbol, and a sum joins what it adds.
func spelled(_ geometry: ConvolutionGeometry, _ symbols: [String], _ weights: [Int]) -> [String] {
  var outputs = Array(repeating: "", count: geometry.outputShape.reduce(1, *))
  geometry.forEachTerm { input, weight, output in
    outputs[output] += String(repeating: symbols[input], count: weights[weight])
  }
  return outputs
}
