/// How an optimiser changes a parameter, told by its gradient and by what it remembers; numbers are those of one step.
public enum OptimizerStep: Sendable {
  /// Remembers `[momentum]`, unless `momentum` is 0. The first step takes the gradient as it is.
  case sgd(rate: Double, decay: Double, momentum: Double, dampening: Double, nesterov: Bool, isFirst: Bool)
  /// Remembers `[mean, square]`, and with `amsgrad` the largest square. `correction1` and `correction2` are
  /// `1 - beta ^ step`. Decay is decoupled (AdamW) or added to the gradient (Adam).
  case adam(
    rate: Double, decay: Double, isDecoupled: Bool, beta1: Double, beta2: Double, epsilon: Double,
    correction1: Double, correction2: Double, amsgrad: Bool)
  /// Remembers `[square]`, then `[momentum]` unless that is 0, then, centred, `[mean]`.
  case rmsprop(
    rate: Double, decay: Double, alpha: Double, epsilon: Double, momentum: Double, isCentered: Bool)
  /// Remembers `[sum]`.
  case adagrad(rate: Double, decay: Double, epsilon: Double)
  /// Remembers `[mean]`.
  case lion(rate: Double, decay: Double, beta1: Double, beta2: Double)
}

extension Engine {
  /// Changes `parameter` in place, and the `slots` with what is remembered. All are contiguous and of one type.
  public static func step(
    _ rule: OptimizerStep, _ parameter: StridedArray, gradient: StridedArray, slots: [StridedArray]
  ) {
    parameter.dtype.dispatch(Step(rule: rule, parameter: parameter, gradient: gradient, slots: slots))
  }

  private struct Step: ElementVisitor {
    let rule: OptimizerStep
    let parameter: StridedArray
    let gradient: StridedArray
    let slots: [StridedArray]

    func visit<T: Element>(_ type: T.Type) {
      // Computed in 64 bits: a step is bound by memory.
      switch rule {
      case .sgd(let rate, let decay, let momentum, let dampening, let nesterov, let isFirst):
        each(T.self) { p, g, slot in
          let d = g + decay * p
          if momentum == 0 { return p - rate * d }
          slot[0] = isFirst ? d : momentum * slot[0] + (1 - dampening) * d
          return p - rate * (nesterov ? d + momentum * slot[0] : slot[0])
        }
      case .adam(
        let rate, let decay, let isDecoupled, let beta1, let beta2, let epsilon, let correction1,
        let correction2,
        let amsgrad):
        let (size, root) = (rate / correction1, correction2.squareRoot())
        each(T.self) { p, g, slot in
          let d = isDecoupled ? g : g + decay * p
          slot[0] += (d - slot[0]) * (1 - beta1)
          slot[1] = slot[1] * beta2 + (1 - beta2) * d * d
          if amsgrad { slot[2] = max(slot[2], slot[1]) }
          let denominator = slot[amsgrad ? 2 : 1].squareRoot() / root + epsilon
          return (isDecoupled ? p * (1 - rate * decay) : p) - size * slot[0] / denominator
        }
      case .rmsprop(let rate, let decay, let alpha, let epsilon, let momentum, let isCentered):
        let mean = momentum == 0 ? 1 : 2
        each(T.self) { p, g, slot in
          let d = g + decay * p
          slot[0] = alpha * slot[0] + (1 - alpha) * d * d
          var square = slot[0]
          if isCentered {
            slot[mean] += (d - slot[mean]) * (1 - alpha)
            square -= slot[mean] * slot[mean]
          }
          let change = d / (square.squareRoot() + epsilon)
          if momentum == 0 { return p - rate * change }
          slot[1] = momentum * slot[1] + change
          return p - rate * slot[1]
        }
      case .adagrad(let rate, let decay, let epsilon):
        each(T.self) { p, g, slot in
          let d = g + decay * p
          slot[0] += d * d
          return p - rate * d / (slot[0].squareRoot() + epsilon)
        }
      case .lion(let rate, let decay, let beta1, let beta2):
        each(T.self) { p, g, slot in
          let direction = beta1 * slot[0] + (1 - beta1) * g
          slot[0] = beta2 * slot[0] + (1 - beta2) * g
          let sign: Double = direction > 0 ? 1 : (direction < 0 ? -1 : 0)
          return p * (1 - rate * decay) - rate * sign
        }
      }
    }

    @inline(__always)
    private func each<T: Element>(
      _ type: T.Type, _ body: (Double, Double, inout SIMD4<Double>) -> Double
    ) {
      let p = parameter.pointer(as: T.self)
      let g = gradient.pointer(as: T.self)
      let memories = slots.map { $0.pointer(as: T.self) }
      memories.withUnsafeBufferPointer { memories in
        parallel(parameter.count, grain: 16_384) { range in
          for index in range {
            var slot = SIMD4<Double>()
            for place in memories.indices { slot[place] = memories[place][index].math.asDouble }
            p[index] = T(math: T.Math(double: body(p[index].math.asDouble, g[index].math.asDouble, &slot)))
            for place in memories.indices { memories[place][index] = T(math: T.Math(double: slot[place])) }
          }
        }
      }
    }
  }
}
