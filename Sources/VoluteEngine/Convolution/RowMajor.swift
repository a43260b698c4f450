/// Index tuples of `shape` in row-major order, as their flat places under `strides`.
func places(_ shape: [Int], _ strides: [Int]) -> [Int] {
  zip(shape, strides).reduce([0]) { outer, axis in
    outer.flatMap { base in (0..<axis.0).map { base + $0 * axis.1 } }
  }
}

/// One of each list in all ways, those of the last list changing fastest.
func combinations<T>(_ lists: [[T]]) -> [[T]] {
  lists.reduce([[]]) { outer, list in outer.flatMap { before in list.map { before + [$0] } } }
}

/// The index along each axis of an element that is numbered in row-major order, and how often the number goes round.
func unravelled(_ number: Int, over counts: [Int]) -> (indices: [Int], rest: Int) {
  var rest = number
  var indices = Array(repeating: 0, count: counts.count)
  for axis in counts.indices.reversed() {
    (rest, indices[axis]) = rest.quotientAndRemainder(dividingBy: counts[axis])
  }
  return (indices, rest)
}
