/// The transform of a real box of one to three axes, in place.
///
/// The first axis is the halved one: its lines are taken two at a time, as real and imaginary part. A box is kept in
/// two arrays of planes (places of the first axis) of lines (of the second) of `pitch` elements; before the transform
/// the real planes fill the first array and then the second. After it, `lanes` lines at a time are turned, so that
/// the order of frequencies is one that only a product of two spectra needs to know.
struct FourierBox: Sendable {
  /// Transform sizes; axes that are missing have size 1.
  let sizes: SIMD3<Int>
  let pitch: Int
  private let lanes: Int
  /// The transforms along each axis, once they are made.
  private var lines: Lines?

  private struct Lines {
    let first: FourierLine
    let second: FourierLine
    let third: FourierLine
  }

  /// - Parameter sizes: three sizes, made of 2, 3, 5 and 7.
  init<T: KernelElement>(_ sizes: SIMD3<Int>, _ type: T.Type) {
    self.sizes = sizes
    lanes = T.kernels.lanes
    pitch = (sizes[2] + 2 * lanes - 1) / (2 * lanes) * 2 * lanes
  }

  /// The box with what transforms need: of the many that are considered few are transformed.
  func prepared() -> FourierBox {
    var box = self
    box.lines = Lines(
      first: FourierLine.of(sizes[0]), second: FourierLine.of(sizes[1]), third: FourierLine.of(sizes[2]))
    return box
  }

  /// Planes of a spectrum.
  var planes: Int { sizes[0] / 2 + 1 }
  var planeSize: Int { sizes[1] * pitch }
  private var blocks: Int { (planes * sizes[1] + lanes - 1) / lanes }
  /// Elements of each of the two arrays.
  var size: Int { blocks * lanes * pitch }

  /// Columns, so that there are two whole vectors of each line to transform as one.
  func paired(_ columns: Int) -> Int { (columns + 2 * lanes - 1) / (2 * lanes) * 2 * lanes }

  /// Where the real plane `index` is kept, from the start of the first array.
  @inline(__always)
  func plane(_ index: Int) -> Int {
    index < planes ? index * planeSize : size + (index - planes) * planeSize
  }

  /// Transforms the real box in the first `extents` of the planes; all beyond is taken to be zero, and must be zero up
  /// to ``paired(_:)`` columns.
  func forward<T: KernelElement>(_ box: UnsafeMutablePointer<T>, extents: SIMD3<Int>) {
    guard let lines else { preconditionFailure("a box that is not prepared") }
    let (re, im) = (box, box + size)
    let columns = paired(extents[2]) / (2 * lanes)
    let first = lines.first
    sweep(extents[1] * columns, first, T.self) { task, values in
      let place = task / columns * pitch + task % columns * 2 * lanes
      let second = values + sizes[0] * lanes
      load(box + place, count: extents[0], to: values)
      clear(values, from: extents[0], to: sizes[0])
      load(box + place + lanes, count: extents[0], to: second)
      clear(second, from: extents[0], to: sizes[0])
      let result = first.run(values, isInverse: false)
      T.kernels.table.split?(sizes[0], result.re, result.im, re + place, im + place, planeSize, lanes)
    }
    if sizes[1] > 1 {
      sweepSecond(
        lines.second, re, im, columns: (extents[2] + lanes - 1) / lanes, from: extents[1], to: sizes[1],
        isInverse: false)
    }
    let last = lines.third
    let rows = planes * sizes[1]
    sweep(blocks, last, T.self) { block, values in
      let place = block * lanes * pitch
      let length = sizes[2] * lanes
      let lines = min(lanes, rows - block * lanes)
      let turn = T.kernels.table.lines_to_lanes
      turn?(lines, extents[2], re + place, pitch, values)
      clear(values, from: extents[2], to: sizes[2])
      turn?(lines, extents[2], im + place, pitch, values + length)
      clear(values + length, from: extents[2], to: sizes[2])
      if last.passes % 2 == 1 {
        last.run(values, values + length, other: re + place, im + place)
        return
      }
      let result = last.run(values, isInverse: false)
      (re + place).update(from: result.re, count: length)
      (im + place).update(from: result.im, count: length)
    }
  }

  /// Transforms back; only the first `extents` of the real planes are made. Values come out times the sizes'
  /// product.
  func inverse<T: KernelElement>(_ box: UnsafeMutablePointer<T>, extents: SIMD3<Int>) {
    guard let lines else { preconditionFailure("a box that is not prepared") }
    let (re, im) = (box, box + size)
    let last = lines.third
    let rows = planes * sizes[1]
    // Two vectors go through the first axis as one number: neither may be what was left here.
    let wanted = paired(extents[2])
    let made = min(wanted, sizes[2])
    sweep(blocks, last, T.self) { block, values in
      let place = block * lanes * pitch
      let length = sizes[2] * lanes
      var result = (re: values, im: values + length)
      if last.passes % 2 == 1 {
        last.run(im + place, re + place, other: result.im, result.re)
      } else {
        result.re.update(from: re + place, count: length)
        result.im.update(from: im + place, count: length)
        result = last.run(values, isInverse: true)
      }
      let lines = min(lanes, rows - block * lanes)
      let turn = T.kernels.table.lanes_to_lines
      turn?(lines, made, result.re, re + place, pitch)
      turn?(lines, made, result.im, im + place, pitch)
      for line in 0..<lines where wanted > made {
        let end = place + line * pitch + made
        (re + end).update(repeating: .zero, count: wanted - made)
        (im + end).update(repeating: .zero, count: wanted - made)
      }
    }
    if sizes[1] > 1 {
      sweepSecond(
        lines.second, re, im, columns: paired(extents[2]) / lanes, from: sizes[1], to: extents[1],
        isInverse: true)
    }
    let columns = paired(extents[2]) / (2 * lanes)
    let first = lines.first
    sweep(extents[1] * columns, first, T.self) { task, values in
      let place = task / columns * pitch + task % columns * 2 * lanes
      T.kernels.table.join?(
        sizes[0], re + place, im + place, planeSize, lanes, values, values + sizes[0] * lanes)
      let result = first.run(values, isInverse: true)
      store(result.re, count: extents[0], to: box + place)
      store(result.im, count: extents[0], to: box + place + lanes)
    }
  }

  /// The second axis of every plane of a spectrum: `from` of its lines are there, `to` are wanted.
  private func sweepSecond<T: KernelElement>(
    _ line: FourierLine, _ re: UnsafeMutablePointer<T>, _ im: UnsafeMutablePointer<T>, columns: Int,
    from: Int, to: Int, isInverse: Bool
  ) {
    let emit = T.kernels.table.emit
    let length = sizes[1] * lanes
    sweep(planes * columns, line, T.self) { task, values in
      let place = task / columns * planeSize + task % columns * lanes
      emit?(from, lanes, re + place, pitch, values, lanes, 1, nil, 0)
      clear(values, from: from, to: sizes[1])
      emit?(from, lanes, im + place, pitch, values + length, lanes, 1, nil, 0)
      clear(values + length, from: from, to: sizes[1])
      let result = line.run(values, isInverse: isInverse)
      emit?(to, lanes, result.re, lanes, re + place, pitch, 1, nil, 0)
      emit?(to, lanes, result.im, lanes, im + place, pitch, 1, nil, 0)
    }
  }

  /// Lines that are transformed one after the other, a share of them in the same room.
  @inline(__always)
  private func sweep<T: KernelElement>(
    _ count: Int, _ line: FourierLine, _ type: T.Type, _ body: (Int, UnsafeMutablePointer<T>) -> Void
  ) {
    let share = max(4, count / 32)
    parallel((count + share - 1) / share) { part in
      withScratch(T.self, 4 * line.size * lanes) { values in
        for task in part * share..<min((part + 1) * share, count) { body(task, values) }
      }
    }
  }

  @inline(__always)
  private func clear<T: KernelElement>(_ values: UnsafeMutablePointer<T>, from: Int, to: Int) {
    if to > from { (values + from * lanes).update(repeating: .zero, count: (to - from) * lanes) }
  }

  /// One vector of each real plane.
  private func load<T: KernelElement>(_ box: UnsafePointer<T>, count: Int, to values: UnsafeMutablePointer<T>)
  {
    let emit = T.kernels.table.emit
    let low = min(count, planes)
    emit?(low, lanes, box, planeSize, values, lanes, 1, nil, 0)
    if count > low {
      emit?(count - low, lanes, box + size, planeSize, values + low * lanes, lanes, 1, nil, 0)
    }
  }

  private func store<T: KernelElement>(
    _ values: UnsafePointer<T>, count: Int, to box: UnsafeMutablePointer<T>
  ) {
    let emit = T.kernels.table.emit
    let low = min(count, planes)
    emit?(low, lanes, values, lanes, box, planeSize, 1, nil, 0)
    if count > low {
      emit?(count - low, lanes, values + low * lanes, lanes, box + size, planeSize, 1, nil, 0)
    }
  }

  /// `sum (+)= x * conjugate(w)` over the values of a spectrum.
  func multiply<T: KernelElement>(
    _ x: UnsafePointer<T>, _ w: UnsafePointer<T>, to sum: UnsafeMutablePointer<T>, accumulates: Bool
  ) {
    let length = sizes[2] * lanes
    let multiply = T.kernels.table.multiply_spectra
    parallel(blocks) { block in
      let place = block * lanes * pitch
      multiply?(
        length, x + place, x + size + place, w + place, w + size + place, sum + place, sum + size + place,
        accumulates ? 1 : 0)
    }
  }

  /// Operations of one transform, forward or back, of which `extents` are there or wanted.
  func cost(extents: SIMD3<Int>) -> Double {
    let planes = Double(planes)
    let first = Double(extents[1] * ((extents[2] + 2 * lanes - 1) / (2 * lanes)) * lanes * sizes[0])
    let second = sizes[1] > 1 ? planes * Double((extents[2] + lanes - 1) / lanes * lanes * sizes[1]) : 0
    let third = Double(blocks * lanes * sizes[2])
    return first * (FourierLine.cost(sizes[0]) + 4) + second * (FourierLine.cost(sizes[1]) + 4)
      + third * (FourierLine.cost(sizes[2]) + 6)
  }
}
