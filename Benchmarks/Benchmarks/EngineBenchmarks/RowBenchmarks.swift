import Benchmark
import CVolute

/// Rows of 4,096 elements in Float32: they stay in the nearest cache.
func rowBenchmarks() {
  let table = volute_row_kernels_for_this_machine().pointee
  let rows = table.f32.pointee
  let count = 4096
  let (x, y, z) = (Room(count), Room(count), Room(count))
  let binary = [
    ("+", rows.binary.0), ("-", rows.binary.1), ("*", rows.binary.2), ("/", rows.binary.3),
  ]
  for (name, kernel) in binary {
    guard let kernel else { continue }
    measure("row \(name) row") { kernel(count, x.base, 1, y.base, 1, z.base) }
  }
  measure("row + number") { rows.binary.0?(count, x.base, 1, y.base, 0, z.base) }
  measure("silu") { rows.silu(count, x.base, z.base) }
  measure("softmax") { rows.softmax(count, x.base, z.base) }
  measure("sum") { blackHole(rows.sum(count, x.base)) }
  measure("mean and variance") {
    var (mean, squares) = (0.0, 0.0)
    rows.moments(count, x.base, &mean, &squares)
    blackHole(mean + squares)
  }

  let short = Room<UInt16>(count) { UInt16($0) }
  let conversions = [
    ("float16 to float32", table.from_float16, true), ("float32 to float16", table.to_float16, false),
    ("bfloat16 to float32", table.from_bfloat16, true), ("float32 to bfloat16", table.to_bfloat16, false),
  ]
  for (name, convert, widens) in conversions {
    guard let convert else { continue }
    measure(name) {
      if widens { convert(count, short.base, z.base) } else { convert(count, x.base, short.base) }
    }
  }
}
