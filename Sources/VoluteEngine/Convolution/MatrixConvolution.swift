import VoluteArithmetic

extension Engine {
  /// Convolution as a product of the weight, `[outputs, inputs * taps]`, with a matrix of windows that is never
  /// built: the packer gathers each cache block of it through the axis maps.
  ///
  /// A transposed convolution multiplies first and scatters the products through the same maps.
  static func matrixConvolution<T: MatrixElement>(
    _ geometry: ConvolutionGeometry, _ input: StridedArray, _ weight: StridedArray,
    _ bias: StridedArray?, _ output: StridedArray, _ type: T.Type
  ) {
    let bias = bias?.pointer(as: T.self)
    if geometry.isTransposed {
      scatter(geometry, input.pointer(as: T.self), weight.pointer(as: T.self), output.pointer(as: T.self))
    } else {
      gather(geometry, input.pointer(as: T.self), weight.pointer(as: T.self), output.pointer(as: T.self))
    }
    guard let bias else { return }
    let plane = geometry.outputSize.reduce(1, *)
    let to = output.pointer(as: T.self)
    parallel(geometry.batch * geometry.outputChannels) { channel in
      let value = bias[channel % geometry.outputChannels]
      let row = to + channel * plane
      for place in 0..<plane { row[place] = T.add(row[place], value) }
    }
  }

  private static func gather<T: MatrixElement>(
    _ geometry: ConvolutionGeometry, _ input: UnsafeMutablePointer<T>, _ weight: UnsafeMutablePointer<T>,
    _ output: UnsafeMutablePointer<T>
  ) {
    let windows = WindowTable(geometry)
    let depth = geometry.inputChannels / geometry.groups * windows.taps
    let rows = geometry.outputChannels / geometry.groups
    let positions = windows.positions
    let left = (0..<geometry.groups).map { group in
      PackedMatrix<T>(rows: rows, depth: depth) { weight[(group * rows + $0) * depth + $1] }
    }
    let plane = geometry.inputSize.reduce(1, *)
    let blocks = (positions + GemmBlock.columns - 1) / GemmBlock.columns
    parallel(geometry.batch * geometry.groups * blocks) { task in
      let (item, block) = task.quotientAndRemainder(dividingBy: blocks)
      let (sample, group) = item.quotientAndRemainder(dividingBy: geometry.groups)
      let channels = geometry.inputChannels / geometry.groups
      let packer = WindowPacker(
        windows: windows,
        input: input + (sample * geometry.inputChannels + group * channels) * plane, plane: plane)
      let first = block * GemmBlock.columns
      multiply(
        left[group], packer, columns: first..<min(first + GemmBlock.columns, positions),
        to: output + (sample * geometry.outputChannels + group * rows) * positions + first,
        stride: positions)
    }
  }

  private static func scatter<T: MatrixElement>(
    _ geometry: ConvolutionGeometry, _ input: UnsafeMutablePointer<T>, _ weight: UnsafeMutablePointer<T>,
    _ output: UnsafeMutablePointer<T>
  ) {
    let windows = WindowTable(geometry)
    let taps = windows.taps
    let depth = geometry.inputChannels / geometry.groups
    let channels = geometry.outputChannels / geometry.groups
    let positions = windows.positions
    let plane = geometry.outputSize.reduce(1, *)
    let left = (0..<geometry.groups).map { group in
      PackedMatrix<T>(rows: channels * taps, depth: depth) {
        weight[(group * depth + $1) * channels * taps + $0]
      }
    }
    // A task owns some output channels, so that no two write to one place; a task's rows are whole tiles.
    let height = T.tileRows
    let step = taps % height == 0 ? 1 : height / greatestCommonDivisor(taps, height)
    let shares = (channels + step - 1) / step
    parallel(geometry.batch * geometry.groups * shares) { task in
      let (item, share) = task.quotientAndRemainder(dividingBy: shares)
      let (sample, group) = item.quotientAndRemainder(dividingBy: geometry.groups)
      let packer = StridedPacker(
        base: input + (sample * geometry.inputChannels + group * depth) * positions, rowStep: positions,
        columnStep: 1)
      let first = share * step
      let last = min(first + step, channels)
      let to = output + (sample * geometry.outputChannels + group * channels + first) * plane
      to.update(repeating: .zero, count: (last - first) * plane)
      let rows = first * taps..<last * taps
      let products = UnsafeMutablePointer<T>.allocate(capacity: rows.count * GemmBlock.columns)
      defer { products.deallocate() }
      var column = 0
      while column < positions {
        let count = min(GemmBlock.columns, positions - column)
        multiply(
          left[group], packer, columns: column..<column + count, rows: rows, to: products, stride: count)
        let stretches = windows.stretches(column..<column + count, width: count)
        for row in 0..<rows.count {
          let (channel, tap) = row.quotientAndRemainder(dividingBy: taps)
          windows.scatterAdd(
            products + row * count, stretches, tap: tap, into: to + channel * plane)
        }
        column += count
      }
    }
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }
}

/// The windows of a convolution as a matrix with a row for each (channel, tap) and a column for each position.
private struct WindowPacker<T: MatrixElement>: MatrixPacker {
  let windows: WindowTable
  /// The first channel of the group.
  let input: UnsafeMutablePointer<T>
  let plane: Int

  func pack(rows: Range<Int>, columns: Range<Int>, into panels: UnsafeMutablePointer<T>) {
    let width = T.tileColumns
    let stretches = windows.stretches(columns, width: width)
    let tail = columns.count % width
    for (line, row) in rows.enumerated() {
      let (channel, tap) = row.quotientAndRemainder(dividingBy: windows.taps)
      windows.gather(
        input + channel * plane, stretches, tap: tap, into: panels + line * width,
        panelStride: rows.count * width)
      if tail > 0 {
        let last = panels + columns.count / width * rows.count * width + line * width
        (last + tail).update(repeating: .zero, count: width - tail)
      }
    }
  }
}
