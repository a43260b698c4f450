// Feeds damaged files to the readers: `FuzzReaders npy|npz|safetensors|checkpoint|png COUNT [FIRST]`.
//
// Case number i is the same on every machine: FIRST = i and COUNT = 1 repeat it alone. A reader may refuse a file by
// throwing; to trap, to dawdle or to return more than the file justifies is a failure.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif
import Volute
import VoluteFormats

let arguments = CommandLine.arguments
guard arguments.count >= 3, let fuzzer = Fuzzer(arguments[1]), let count = Int(arguments[2]), count > 0,
  let first = arguments.count > 3 ? Int(arguments[3]) : 0
else {
  print("usage: FuzzReaders \(Fuzzer.Format.allCases.map(\.rawValue).joined(separator: "|")) COUNT [FIRST]")
  exit(2)
}
limitMemory()
for seed in fuzzer.seeds {
  do throws(FormatError) {
    _ = try fuzzer.read(seed)
  } catch {
    print("a sound file is refused: \(error)")
    exit(1)
  }
}
var parsed = 0
var refused = 0
var failed = 0
let clock = ContinuousClock()
for number in first..<(first + count) {
  let bytes = fuzzer.makeCase(number)
  let start = clock.now
  do throws(FormatError) {
    let tensors = try fuzzer.read(bytes)
    let size = tensors.reduce(0) { $0 + $1.count * $1.dtype.size }
    if size > fuzzer.largestResult(of: bytes) {
      print("case \(number): \(bytes.count) bytes became \(size)")
      failed += 1
    }
    // Touches every element.
    for tensor in tensors { blackHole(tensor.to(.float64)) }
    parsed += 1
  } catch {
    refused += 1
    if error.description.isEmpty { failed += 1 }
  }
  let time = clock.now - start
  if time > .seconds(2) {
    print("case \(number): took \(time)")
    failed += 1
  }
}
print("\(arguments[1]): \(count) cases, \(parsed) parsed, \(refused) refused, \(failed) failed")
exit(failed == 0 ? 0 : 1)
