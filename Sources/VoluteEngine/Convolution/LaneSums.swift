import CVolute

/// The sums that rows of results are made of where each lane has weights of its own: one over all taps or, for pairs
/// of rows, three over half of them.
// Unchecked: plain memory, written only while it is made.
final class LaneSums: @unchecked Sendable {
  /// Taps of one of the sums.
  private struct Taps {
    let offsets: UnsafeBufferPointer<Int32>
    /// For each output along the first axis, the places along it from the first to the last that read anything but
    /// padding; all of them, of all input channels, where there are several channels or only this axis.
    let held: UnsafeBufferPointer<Range<Int>>
    /// Taps of the other axes under each of those.
    let tapsOfPlace: Int
    /// Elements of the weights before its own.
    let weights: Int
  }

  private let taps: UnsafeBufferPointer<Taps>
  /// The taps of a pair of rows; `nil` where each row is summed alone.
  let pairs: PairedTaps?
  private let lanes: Int
  private let rowPitch: Int
  private let hasTwoAxes: Bool
  /// Taps of a row, and rows, of the weight's window.
  private let columns: Int
  private let rows: Int
  /// Vectors of weights of an output channel.
  let depth: Int

  /// Why rows do not go in pairs.
  static func reasonAgainstPairs(_ sum: WindowSum) -> String? {
    guard let axis = sum.axes.dropLast().last else { return "one axis, and so no rows, that go in pairs" }
    return PairedTaps.reasonAgainst(axis, "rows")
  }

  /// Cycles of a core that finishes two vectors of products in each, for a vector of results `bytes` long, of which
  /// `table` says how many are summed at once.
  static func cycles(_ sum: WindowSum, isPaired: Bool, _ table: volute_scalar_kernels, bytes: Int) -> Double {
    let (vectors, together) = (Double(table.lane_sums), table.lane_taps)
    let last = sum.axes[sum.axes.count - 1]
    let run = last.stride == 1 && last.dilation == 1 ? min(last.kernel, together) : 1
    // Whichever takes longer, products or what they load, of which differences load two.
    func cycles(_ taps: Int, differs: Bool) -> Double {
      let values = 1 + Double(taps - 1) / vectors
      return max(Double(taps) / 2, 0.7 * ((differs ? 2 : 1) * values + Double(taps) / vectors))
    }
    func row(differs: Bool) -> Double {
      let (whole, rest) = last.kernel.quotientAndRemainder(dividingBy: run)
      return Double(whole) * cycles(run, differs: differs) + (rest == 0 ? 0 : cycles(rest, differs: differs))
    }
    // What is read for results that are summed at once, and again for those of the next row if it is still near.
    let rows = sum.depth / last.kernel
    let window = Double(rows) * (vectors + Double(last.kernel - 1))
    let far = window * Double(bytes) > 40 * 1024 ? window / (2 * vectors) : 0
    if !isPaired { return Double(rows) * row(differs: false) + far }
    let kernel = sum.axes[sum.axes.count - 2].kernel
    let taps = PairedTaps(kernel: kernel).counts
    let products = Double(taps[0] + taps[2]) * row(differs: true) + Double(taps[1]) * row(differs: false)
    // Differences read most rows twice, and three sums come and go for two results.
    return Double(rows / kernel) * products / 2 + 1.5 * far + 1.2
  }

  /// The axes of a sum as they are read.
  static func axes(_ sum: WindowSum, isPaired: Bool) -> [WindowSum.Axis] {
    var axes = sum.axes
    if isPaired { axes[axes.count - 2] = PairedTaps.read(axes[axes.count - 2]) }
    return axes
  }

  /// - Parameters:
  ///   - sum: groups or samples of it lie in the lanes.
  ///   - lattice: of its ``axes(_:isPaired:)`` and the lanes.
  init(_ sum: WindowSum, _ lattice: Lattice, isPaired: Bool, lanes: Int) {
    let row = sum.axes.count - 2
    self.lanes = lanes
    rowPitch = row < 0 ? 0 : lattice.pitches[row]
    hasTwoAxes = sum.axes.count == 2
    rows = row < 0 ? 1 : sum.axes[row].kernel
    columns = sum.taps / sum.axes.dropLast().reduce(1) { $0 * $1.kernel }
    let pairs = isPaired ? PairedTaps(kernel: rows) : nil
    self.pairs = pairs
    let first = sum.axes[0]
    let isHeld = sum.axes.count > 1 && sum.inputs == 1
    let tapOffsets = lattice.offsets(channels: sum.inputs)
    let rowsRead = row < 0 ? 1 : lattice.axes[row].kernel
    let outer = tapOffsets.count / (rowsRead * columns)
    var weights = 0
    let taps = (pairs?.counts ?? [rows]).enumerated().map { [columns] index, count in
      let (start, step) = isPaired ? (PairedTaps.firsts[index], 2) : (0, 1)
      let offsets = (0..<outer).flatMap { outer in
        (0..<count).flatMap { tap in
          let line = (outer * rowsRead + start + tap * step) * columns
          return tapOffsets[line..<line + columns]
        }
      }
      let ofFirst = row == 0 ? count : first.kernel
      let held = (0..<first.count).map { output in
        if !isHeld { return 0..<ofFirst * sum.inputs }
        if let pairs, row == 0 { return pairs.held(first, output: output)[index] }
        return first.taps(of: output)
      }
      defer { weights += offsets.count * lanes }
      return Taps(
        offsets: UnsafeBufferPointer(copying: offsets), held: UnsafeBufferPointer(copying: held),
        tapsOfPlace: offsets.count / (ofFirst * sum.inputs), weights: weights)
    }
    self.taps = UnsafeBufferPointer(copying: taps)
    depth = weights / lanes
  }

  deinit {
    for taps in taps {
      taps.offsets.deallocate()
      taps.held.deallocate()
    }
    taps.deallocate()
  }

  /// Packed weights as the sums have them.
  func weights<T: KernelElement>(_ packed: WeightPanels<T>) -> WeightPanels<T> {
    guard let pairs else { return packed }
    let line = columns * lanes
    return packed.mapping(panelSize: depth * lanes) {
      pairs.pair($0, outer: packed.panelSize / (rows * line), line: line, into: $1)
    }
  }

  /// The sums of some rows of a plane, as they are counted.
  ///
  /// - Parameters:
  ///   - rows: of pairs, the first is a first one.
  ///   - columns: results of a row.
  ///   - origin: the place along the first axis of the plane or, of two axes, of its first row.
  ///   - plane: its first row, packed.
  ///   - weights: those of an output channel.
  ///   - start: what is added to.
  func add<T: KernelElement>(
    _ rows: Range<Int>, columns: Int, origin: Int, _ plane: UnsafePointer<T>, _ weights: UnsafePointer<T>,
    start: UnsafePointer<T>, to stage: UnsafeMutablePointer<T>
  ) {
    let step = pairs == nil ? 1 : 2
    let add = pairs != nil ? T.kernels.table.sum_lane_pairs : T.kernels.table.sum_lanes
    let pitch = columns * lanes
    var row = rows.lowerBound
    while row < rows.upperBound {
      // Of two axes each row has its own taps, but most have the same.
      let place = hasTwoAxes ? origin + row : origin
      var end = row + step
      while end < rows.upperBound
        && (!hasTwoAxes || taps.allSatisfy { $0.held[origin + end] == $0.held[place] })
      { end += step }
      end = min(end, rows.upperBound)
      withUnsafeTemporaryAllocation(of: volute_lane_sum.self, capacity: taps.count) { sums in
        for (index, taps) in taps.enumerated() {
          let held = taps.held[place]
          let first = held.lowerBound * taps.tapsOfPlace
          sums[index] = volute_lane_sum(
            count: held.count * taps.tapsOfPlace, offsets: taps.offsets.baseAddress.map { $0 + first },
            factors: weights + taps.weights + first * lanes)
        }
        add?(
          end - row, columns, sums.baseAddress, plane + row * rowPitch, rowPitch, start,
          stage + (row - rows.lowerBound) * pitch, pitch)
      }
      row = end
    }
  }
}
