/// What is made of all elements along the reduced axes.
public enum Reduction: String, Sendable {
  case sum, product, minimum, maximum, any, all
  /// Index of the first smallest, or largest, element; NaN counts as both.
  case argumentOfMinimum, argumentOfMaximum
}

extension Engine {
  /// Reduces the last `reduced` axes of `input` into `output`, whose shape is that of the axes before them.
  ///
  /// - `sum` and `product` give the type of `output`, into which each element is converted first; the 16-bit types
  ///   and Float32 sum pairwise in blocks.
  /// - `any` and `all` give `Bool`, or the same bytes as `UInt8`; the arguments give `Int64`, counted over the reduced axes in row-major order.
  public static func reduce(
    _ reduction: Reduction, _ input: StridedArray, reduced: Int, to output: StridedArray
  ) {
    if reduction == .sum, sumByRows(input, reduced: reduced, to: output) { return }
    input.dtype.dispatch(Reduce(reduction: reduction, input: input, reduced: reduced, output: output))
  }

  /// Sums of rows that lie together, in the input's own type; `false` where it is something else.
  private static func sumByRows(_ input: StridedArray, reduced: Int, to output: StridedArray) -> Bool {
    let kept = input.shape.count - reduced
    guard input.dtype == output.dtype, let rows = rowKernels(input.dtype), output.isContiguous else {
      return false
    }
    let inner = LoopNest(shape: Array(input.shape[kept...]), strides: [Array(input.strides[kept...])])
    // Short rows are not worth a call.
    guard inner.rowStrides[0] == 1, inner.shape[inner.shape.count - 1] >= 16 else { return false }
    let outer = LoopNest(
      shape: output.shape,
      strides: [Array(input.strides[..<kept]), StridedArray.contiguousStrides(output.shape)])
    let steps = outer.rowStrides
    let size = input.dtype.size
    let length = inner.shape.reduce(1, *)
    func sum(_ place: Int, _ target: Int) {
      var total = 0.0
      inner.forEachRow { offsets, count in
        total += rows.sum(count, input.base + (place + offsets[0]) * size)
      }
      if size == 4 {
        output.pointer(as: Float.self)[target] = Float(total)
      } else {
        output.pointer(as: Double.self)[target] = total
      }
    }
    let share = max(1, 32_768 / max(length, 1))
    outer.forEachRow { offsets, count in
      let (place, target) = (offsets[0], offsets[1])
      parallel(count, grain: share) { range in
        for index in range { sum(place + index * steps[0], target + index * steps[1]) }
      }
    }
    return true
  }

  private struct Reduce: ElementVisitor {
    let reduction: Reduction
    let input: StridedArray
    let reduced: Int
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      switch reduction {
      case .sum: output.dtype.dispatch(Total<T>(outer: self, isProduct: false))
      case .product: output.dtype.dispatch(Total<T>(outer: self, isProduct: true))
      case .minimum: extremum(T.self) { $1 < $0 }
      case .maximum: extremum(T.self) { $1 > $0 }
      case .argumentOfMinimum: argument(T.self) { $1 < $0 }
      case .argumentOfMaximum: argument(T.self) { $1 > $0 }
      case .any:
        eachLine(T.self, Bool.self) { line in
          var result = false
          line.forEach { result = result || !$0.math.isZero }
          return result
        }
      case .all:
        eachLine(T.self, Bool.self) { line in
          var result = true
          line.forEach { result = result && !$0.math.isZero }
          return result
        }
      }
    }

    /// The first element that none beats; NaN beats everything.
    @inline(__always)
    private func extremum<T: Element>(
      _ type: T.Type, _ isBetter: (T.Math, T.Math) -> Bool
    ) {
      eachLine(T.self, T.self) { line in
        var best: T.Math?
        line.forEach { element in
          let value = element.math
          guard let current = best else {
            best = value
            return
          }
          if !current.isNotANumber && (isBetter(current, value) || value.isNotANumber) { best = value }
        }
        return T(math: best ?? .zero)
      }
    }

    @inline(__always)
    private func argument<T: Element>(
      _ type: T.Type, _ isBetter: (T.Math, T.Math) -> Bool
    ) {
      eachLine(T.self, Int64.self) { line in
        var best: T.Math?
        var place = 0
        var index = 0
        line.forEach { element in
          let value = element.math
          if let current = best {
            if !current.isNotANumber && (isBetter(current, value) || value.isNotANumber) {
              best = value
              place = index
            }
          } else {
            best = value
          }
          index += 1
        }
        return Int64(place)
      }
    }

    @inline(__always)
    func eachLine<T: Element, R: Element>(
      _ type: T.Type, _ result: R.Type, _ body: (Line<T>) -> R
    ) {
      let kept = input.shape.count - reduced
      let inner = LoopNest(
        shape: Array(input.shape[kept...]), strides: [Array(input.strides[kept...])])
      let outer = LoopNest(
        shape: output.shape, strides: [Array(input.strides[..<kept]), output.strides])
      let steps = outer.rowStrides
      let from = input.pointer(as: T.self)
      let to = output.pointer(as: R.self)
      outer.forEachRow { offsets, count in
        for index in 0..<count {
          let line = Line(base: from + offsets[0] + index * steps[0], nest: inner)
          to[offsets[1] + index * steps[1]] = body(line)
        }
      }
    }

    /// Sums and products, in the output's type.
    struct Total<T: Element>: ElementVisitor {
      let outer: Reduce
      let isProduct: Bool

      func visit<R: Element>(_ type: R.Type) {
        if isProduct {
          outer.eachLine(T.self, R.self) { line in
            var product = R.Math.one
            line.forEach { product = R.Math.multiply(product, Engine.convert($0, to: R.self).math) }
            return R(math: product)
          }
        } else {
          outer.eachLine(T.self, R.self) { R(math: sum($0, R.self)) }
        }
      }

      /// Rows are summed in blocks, so that the error grows with the number of blocks and not of elements.
      @inline(__always)
      private func sum<R: Element>(_ line: Line<T>, _ type: R.Type) -> R.Math {
        var total = R.Math.zero
        let step = line.nest.rowStrides[0]
        line.nest.forEachRow { offsets, count in
          let row = line.base + offsets[0]
          var first = 0
          while first < count {
            let last = min(first + 128, count)
            var block = R.Math.zero
            for index in first..<last {
              block = R.Math.add(block, Engine.convert(row[index * step], to: R.self).math)
            }
            total = R.Math.add(total, block)
            first = last
          }
        }
        return total
      }
    }
  }

  /// The elements that one output is reduced from.
  struct Line<T: Element> {
    let base: UnsafeMutablePointer<T>
    let nest: LoopNest

    @inline(__always)
    func forEach(_ body: (T) -> Void) {
      let step = nest.rowStrides[0]
      nest.forEachRow { offsets, count in
        let row = base + offsets[0]
        for index in 0..<count { body(row[index * step]) }
      }
    }
  }

  /// Sums of squared distances from `means` over the last `reduced` axes; computed in 64 bits.
  public static func squaredDeviations(
    _ input: StridedArray, means: StridedArray, reduced: Int, to output: StridedArray
  ) {
    input.dtype.dispatch(Deviations(input: input, means: means, reduced: reduced, output: output))
  }

  /// `means` and `output` are contiguous Float64.
  private struct Deviations: ElementVisitor {
    let input: StridedArray
    let means: StridedArray
    let reduced: Int
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      let mean = means.pointer(as: Double.self)
      var index = 0
      Reduce(reduction: .sum, input: input, reduced: reduced, output: output).eachLine(
        T.self, Double.self
      ) { line in
        let center = mean[index]
        index += 1
        var total = 0.0
        line.forEach {
          let distance = $0.math.asDouble - center
          total += distance * distance
        }
        return total
      }
    }
  }
}
