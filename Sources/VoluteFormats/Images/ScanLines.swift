/// PNG's filters: each row is stored as differences from what lies to its left and above, behind the filter's number.
enum ScanLines {
  /// What a byte is predicted to be from the ones to its left, above, and above to its left.
  @inline(__always)
  private static func prediction(_ filter: UInt8, _ a: UInt8, _ b: UInt8, _ c: UInt8) -> UInt8 {
    switch filter {
    case 1: return a
    case 2: return b
    case 3: return UInt8((Int(a) + Int(b)) / 2)
    case 4:
      let (x, y, z) = (Int(a), Int(b), Int(c))
      let (left, above, corner) = (abs(y - z), abs(x - z), abs(x + y - 2 * z))
      return left <= above && left <= corner ? a : above <= corner ? b : c
    default: return 0
    }
  }

  /// The bytes of the pixels.
  ///
  /// - Parameters:
  ///   - lines: rows, each behind its filter.
  ///   - rowLength: bytes of a row without the filter.
  ///   - pixelLength: bytes from one pixel to the next.
  /// - Throws: ``FormatError`` when a filter is none.
  static func unfiltered(
    _ lines: UnsafeRawBufferPointer, rowLength: Int, pixelLength: Int, name: String
  ) throws(FormatError) -> [UInt8] {
    let height = lines.count / (rowLength + 1)
    for row in 0..<height where lines[row * (rowLength + 1)] > 4 {
      throw FormatError(
        name, "row \(row) has filter \(lines[row * (rowLength + 1)]), but there are only 0 to 4")
    }
    return [UInt8](unsafeUninitializedCapacity: height * rowLength) { pixels, count in
      for row in 0..<height {
        let (source, target) = (row * (rowLength + 1) + 1, row * rowLength)
        let filter = lines[source - 1]
        for index in 0..<rowLength {
          let place = target + index
          let hasLeft = index >= pixelLength
          let left = hasLeft ? pixels[place - pixelLength] : 0
          let above = row > 0 ? pixels[place - rowLength] : 0
          let corner = hasLeft && row > 0 ? pixels[place - rowLength - pixelLength] : 0
          pixels[place] = lines[source + index] &+ prediction(filter, left, above, corner)
        }
      }
      count = height * rowLength
    }
  }

  /// Rows behind their filters: of each row the one whose differences are smallest in sum.
  static func filtered(
    _ pixels: UnsafeRawBufferPointer, rowLength: Int, pixelLength: Int
  ) -> [UInt8] {
    let height = pixels.count / rowLength
    var result: [UInt8] = []
    result.reserveCapacity(height * (rowLength + 1))
    var line = [UInt8](repeating: 0, count: rowLength)
    var best = line
    for row in 0..<height {
      let start = row * rowLength
      var (least, chosen) = (Int.max, UInt8(0))
      for filter in UInt8(0)...4 {
        var sum = 0
        for index in 0..<rowLength {
          let place = start + index
          let hasLeft = index >= pixelLength
          let left = hasLeft ? pixels[place - pixelLength] : 0
          let above = row > 0 ? pixels[place - rowLength] : 0
          let corner = hasLeft && row > 0 ? pixels[place - rowLength - pixelLength] : 0
          line[index] = pixels[place] &- prediction(filter, left, above, corner)
          sum += Int(Int8(bitPattern: line[index]).magnitude)
        }
        if sum < least {
          (least, chosen) = (sum, filter)
          swap(&line, &best)
        }
      }
      result.append(chosen)
      result += best
    }
    return result
  }
}
