/// A window sum whose windows do not overlap along the last axis: every input is read once, so that all there is to do
/// is to read it fast. Rows of the input are multiplied with rows of weights, repeated for each window, and added up in
/// registers; only the sum is summed window by window.
final class PatchConvolution: Sendable {
  let sum: WindowSum
  /// Elements of a row of the input under all windows, from its first.
  private let width: Int
  private let first: Int
  /// Rows of weights of one output: input channels and the taps of the other axes.
  private let rows: Int
  private static let mostOutputs = 4

  static func reasonAgainst(_ sum: WindowSum) -> String? {
    let last = sum.axes[sum.axes.count - 1]
    if last.dilation != 1 || last.stride < last.kernel { return "windows overlap along the last axis" }
    if last.kernel == 1 { return "one tap along the last axis: there is nothing to add up" }
    if last.inputStep != 1 { return "neighbours along the last axis are apart" }
    if sum.outputs > mostOutputs { return "\(sum.outputs) output channels, more than \(mostOutputs)" }
    let start = last.sources.first ?? -1
    if start < 0 || (0..<last.reach).contains(where: { last.sources[$0] != start + $0 }) {
      return "padding along the last axis"
    }
    return nil
  }

  init(_ sum: WindowSum) {
    self.sum = sum
    let last = sum.axes[sum.axes.count - 1]
    width = last.reach
    first = last.sources[0]
    rows = sum.inputs * sum.axes.dropLast().reduce(1) { $0 * $1.kernel }
  }

  private var weightSize: Int { sum.groups * sum.outputs * rows * width }

  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    let lines =
      Double(sum.batch * sum.groups * sum.outputs * rows)
      * sum.axes.dropLast().reduce(1.0) { $0 * Double($1.count) }
    return SumEstimate(
      seconds: (lines * Double(width + 16) / 2 + Double(weightSize)) / model.elements + CostModel.overhead,
      workspace: (weightSize + width) * bytes + rows * MemoryLayout<Int>.size)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let outer = sum.axes.dropLast()
    let counts = outer.map(\.count)
    let lines = counts.reduce(1, *)
    let taps = places(outer.map(\.kernel), outer.map(\.weightStep))
    withScratch(T.self, weightSize) { weights in
      parallel(sum.groups * sum.outputs * sum.inputs) { task in
        let (index, channel) = task.quotientAndRemainder(dividingBy: sum.inputs)
        let (group, target) = index.quotientAndRemainder(dividingBy: sum.outputs)
        let from =
          weight + sum.weightOffset + group * sum.weightSteps.group + target * sum.weightSteps.output
          + channel * sum.weightSteps.input
        for (row, tap) in taps.enumerated() {
          repeatTaps(from + tap, weights + (task * taps.count + row) * width)
        }
      }
      parallel(sum.batch * sum.groups * lines) { task in
        let (item, line) = task.quotientAndRemainder(dividingBy: lines)
        let (sample, group) = item.quotientAndRemainder(dividingBy: sum.groups)
        let from =
          input + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group + first
        withScratch(T.self, width) { products in
          withScratch(Int.self, rows) { sources in
            let target = locate(line, sources)
            for channel in 0..<sum.outputs {
              let index = group * sum.outputs + channel
              T.kernels.table.multiply_rows?(
                width, rows, sources, from, weights + index * rows * width, products)
              write(
                products, bias.map { $0[index] },
                output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group
                  + channel * sum.outputSteps.channel + target)
            }
          }
        }
      }
    }
  }

  /// A row of weights: the taps along the last axis for each window, zeros where the stride leaves a gap.
  private func repeatTaps<T: KernelElement>(_ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>) {
    let last = sum.axes[sum.axes.count - 1]
    for tap in 0..<last.kernel { to[tap] = from[tap * last.weightStep] }
    var done = min(last.stride, width)
    for gap in last.kernel..<done { to[gap] = .zero }
    while done < width {
      let count = min(done, width - done)
      (to + done).update(from: to, count: count)
      done += count
    }
  }

  /// Writes where the input's rows under a line of outputs start, -1 for padding, and returns where the line belongs.
  private func locate(_ line: Int, _ sources: UnsafeMutablePointer<Int>) -> Int {
    var (rest, target, count) = (line, 0, 1)
    // Each axis repeats what the axes behind it wrote, the first tap last, in the place of what is repeated.
    func repeated(_ taps: Int, _ offset: (Int) -> Int) {
      for tap in (0..<taps).reversed() {
        let offset = offset(tap)
        for index in 0..<count {
          let inner = sources[index]
          sources[tap * count + index] = offset < 0 || inner < 0 ? -1 : inner + offset
        }
      }
      count *= taps
    }
    sources[0] = 0
    for axis in sum.axes.dropLast().reversed() {
      let (outer, index) = rest.quotientAndRemainder(dividingBy: axis.count)
      rest = outer
      target += index * axis.outputStep
      repeated(axis.kernel) { tap in
        let source = axis.sources[index * axis.stride + tap * axis.dilation]
        return source < 0 ? -1 : source * axis.inputStep
      }
    }
    repeated(sum.inputs) { $0 * sum.inputSteps.channel }
    return target
  }

  private func write<T: KernelElement>(
    _ products: UnsafePointer<T>, _ bias: T?, _ output: UnsafeMutablePointer<T>
  ) {
    let last = sum.axes[sum.axes.count - 1]
    for index in 0..<last.count {
      var total = T.zero
      for tap in 0..<last.kernel { total = T.add(total, products[index * last.stride + tap]) }
      let place = output + index * last.outputStep
      place.pointee =
        sum.accumulates ? T.add(place.pointee, total) : bias.map { T.add(total, $0) } ?? total
    }
  }
}
