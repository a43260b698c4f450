import CVolute

/// The way of elements between an array, where samples lie apart, and a block, where they lie side by side in the
/// lanes of vectors: neighbours in the array travel together, wherever in the block they belong.
// Unchecked: plain memory, written only while it is made.
final class LaneRoute: @unchecked Sendable {
  /// Elements `step` apart in the array, and their places from `first` on in ``places``.
  private struct Stretch {
    var element: Int
    var step: Int
    var count: Int
    var first: Int
  }

  private let stretches: UnsafeBufferPointer<Stretch>
  private let places: UnsafeBufferPointer<Int32>
  /// Elements of the longest stretch.
  let longest: Int

  /// The stretches of the array that travel, as far as their elements are neighbours.
  var runs: [Range<Int>] {
    stretches.filter { $0.step == 1 }.map { $0.element..<$0.element + $0.count }
  }

  /// A gap this long, or shorter, is read too.
  static let bridge = 4

  /// - Parameters:
  ///   - pairs: elements of the array and where they belong in the block.
  ///   - bridges: whether elements of short gaps may travel too. On the way out of a block they may not, and elements
  ///     must be different ones.
  init(_ pairs: [(element: Int, place: Int)], bridges: Bool) {
    var stretches: [Stretch] = []
    var places: [Int32] = []
    var rest = pairs.sorted { ($0.element, $0.place) < ($1.element, $1.place) }
    while !rest.isEmpty {
      // An element that is wanted twice goes the way twice.
      var again: [(element: Int, place: Int)] = []
      var last: Int?
      for pair in rest {
        if pair.element == last {
          again.append(pair)
          continue
        }
        Self.append(pair, bridges: bridges, &stretches, &places)
        last = pair.element
      }
      rest = again
      if !rest.isEmpty {
        stretches.append(Stretch(element: rest[0].element, step: 1, count: 0, first: places.count))
      }
    }
    stretches.removeAll { $0.count == 0 }
    longest = stretches.map(\.count).max() ?? 0
    self.stretches = UnsafeBufferPointer(copying: stretches)
    self.places = UnsafeBufferPointer(copying: places)
  }

  deinit {
    stretches.deallocate()
    places.deallocate()
  }

  private static func append(
    _ pair: (element: Int, place: Int), bridges: Bool, _ stretches: inout [Stretch], _ places: inout [Int32]
  ) {
    if var last = stretches.popLast() {
      let gap = pair.element - last.element - (last.count - 1) * last.step
      var joins = last.count > 0
      if bridges {
        joins = joins && gap <= bridge
        // What nobody wants is put where the next element that is wanted comes right after.
        for _ in 1..<max(gap, 1) where joins {
          places.append(Int32(pair.place))
          last.count += 1
        }
      } else {
        joins = joins && (last.count == 1 || gap == last.step)
        if joins && last.count == 1 { last.step = gap }
      }
      if joins { last.count += 1 }
      stretches.append(last)
      if joins {
        places.append(Int32(pair.place))
        return
      }
    }
    stretches.append(Stretch(element: pair.element, step: 1, count: 1, first: places.count))
    places.append(Int32(pair.place))
  }

  /// Into a block: `samples` samples, `batchStep` apart.
  ///
  /// - Parameter next: how far behind it another array begins that will be packed next, if there is one.
  func pack<T: KernelElement>(
    _ array: UnsafePointer<T>, next: Int?, samples: Int, batchStep: Int, into block: UnsafeMutablePointer<T>
  ) {
    let turn = T.kernels.table.lines_to_places
    for stretch in stretches {
      turn?(
        samples, stretch.count, array + stretch.element, batchStep, block,
        places.baseAddress.map { $0 + stretch.first },
        stretch.count > Self.long ? Self.long / 4 : next ?? Self.long / 4)
    }
  }

  /// Elements of a stretch so long that what follows in it is fetched before the next.
  private static let long = 512

  /// Elements of the longest stretch that needs a row on its way out.
  func rowLength(accumulates: Bool) -> Int {
    stretches.filter { accumulates || $0.step != 1 }.map(\.count).max() ?? 0
  }

  /// Out of a block, to be written or added.
  ///
  /// - Parameter row: room for ``rowLength(accumulates:)`` elements of each sample.
  func unpack<T: KernelElement>(
    _ block: UnsafePointer<T>, samples: Int, batchStep: Int, accumulates: Bool, row: UnsafeMutablePointer<T>,
    to array: UnsafeMutablePointer<T>
  ) {
    let table = T.kernels.table
    for stretch in stretches {
      let from = places.baseAddress.map { $0 + stretch.first }
      let to = array + stretch.element
      if stretch.step == 1 && !accumulates {
        table.places_to_lines?(samples, stretch.count, block, from, to, batchStep)
      } else {
        table.places_to_lines?(samples, stretch.count, block, from, row, stretch.count)
        table.emit?(
          samples, stretch.count, row, stretch.count, to, batchStep, stretch.step, nil, accumulates ? 1 : 0)
      }
    }
  }
}
