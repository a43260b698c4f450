extension ConvolutionGeometry {
  /// Calls `body` for every product that the operation is the sum of, with the flat places, in row-major arrays,
  /// of the input, the weight and the output that it belongs to.
  ///
  /// This is the definition of convolution here: numbers multiply and add along it, and symbols spell out what
  /// each output was made of. The terms of one output come channel by channel, taps in order.
  @inlinable
  public func forEachTerm(_ body: (_ input: Int, _ weight: Int, _ output: Int) -> Void) {
    let maps = maps
    // The side that the window is moved along, and the side that it reads (or, transposed, writes).
    let positions = maps.map(\.outputSize)
    let reached = maps.map(\.inputSize)
    let positionCount = positions.reduce(1, *)
    let reachedCount = reached.reduce(1, *)
    let taps = axes.reduce(1) { $0 * $1.kernel }
    let inputsInGroup = inputChannels / groups
    let outputsInGroup = outputChannels / groups
    var position = Array(repeating: 0, count: rank)
    for place in 0..<positionCount {
      let window = window(at: position, maps: maps, reached: reached)
      for sample in 0..<batch {
        for group in 0..<groups {
          for outputChannel in 0..<outputsInGroup {
            for inputChannel in 0..<inputsInGroup {
              let input = sample * inputChannels + group * inputsInGroup + inputChannel
              let output = sample * outputChannels + group * outputsInGroup + outputChannel
              if isTransposed {
                let weight = ((group * inputsInGroup + inputChannel) * outputsInGroup + outputChannel) * taps
                for entry in window {
                  body(
                    input * positionCount + place, weight + entry.tap, output * reachedCount + entry.source)
                }
              } else {
                let weight = ((group * outputsInGroup + outputChannel) * inputsInGroup + inputChannel) * taps
                for entry in window {
                  body(
                    input * reachedCount + entry.source, weight + entry.tap, output * positionCount + place)
                }
              }
            }
          }
        }
      }
      advance(&position, within: positions)
    }
  }

  /// The taps of the window at `position` that meet an element, with its flat spatial place.
  @inlinable
  func window(
    at position: [Int], maps: [AxisMap], reached: [Int]
  ) -> [(tap: Int, source: Int)] {
    var entries = [(tap: 0, source: 0)]
    for axis in 0..<rank {
      var next: [(tap: Int, source: Int)] = []
      next.reserveCapacity(entries.count * maps[axis].kernel)
      for entry in entries {
        for tap in 0..<maps[axis].kernel {
          let source = maps[axis].source(output: position[axis], tap: tap)
          if source == AxisMap.padding { continue }
          next.append((entry.tap * maps[axis].kernel + tap, entry.source * reached[axis] + source))
        }
      }
      entries = next
    }
    return entries
  }
}

/// The next index in row-major order.
@inlinable
func advance(_ index: inout [Int], within shape: [Int]) {
  for axis in shape.indices.reversed() {
    index[axis] += 1
    if index[axis] < shape[axis] { return }
    index[axis] = 0
  }
}
