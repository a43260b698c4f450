import VoluteArithmetic

/// The definition, term by term, accumulated in the arithmetic type: any type, any size, slow.
struct ReferenceConvolution: ElementVisitor {
  let geometry: ConvolutionGeometry
  let direction: ConvolutionDirection
  let operands: ConvolutionOperands

  func visit<T: Element>(_ type: T.Type) {
    let left = operands.input.pointer(as: T.self)
    let right = operands.weight.pointer(as: T.self)
    let to = operands.output.pointer(as: T.self)
    let count = operands.output.count
    let sums = UnsafeMutablePointer<T.Math>.allocate(capacity: max(count, 1))
    defer { sums.deallocate() }
    let plane = geometry.outputSize.reduce(1, *)
    let offsets = operands.bias?.pointer(as: T.self)
    for place in 0..<count {
      let start = offsets.map { $0[place / plane % geometry.outputChannels].math } ?? .zero
      (sums + place).initialize(to: start)
    }
    @inline(__always)
    func add(_ a: Int, _ b: Int, to place: Int) {
      sums[place] = T.Math.add(sums[place], T.Math.multiply(left[a].math, right[b].math))
    }
    switch direction {
    case .forward: geometry.forEachTerm { add($0, $1, to: $2) }
    case .inputGradient: geometry.forEachTerm { add($2, $1, to: $0) }
    case .weightGradient where geometry.isTransposed: geometry.forEachTerm { add($2, $0, to: $1) }
    case .weightGradient: geometry.forEachTerm { add($0, $2, to: $1) }
    }
    for place in 0..<count { to[place] = T(math: sums[place]) }
  }
}
