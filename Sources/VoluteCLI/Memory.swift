import Volute

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the machine can hold.
enum Memory {
  /// Refuses a result that does not fit into the machine's memory, before anything is computed.
  static func check(_ shape: [Int], _ dtype: DType, operation: String) throws(ShapeError) {
    let bytes = Double(try elementCount(shape, operation: operation)) * Double(dtype.size)
    let memory = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    guard memory > 0, bytes > memory else { return }
    throw ShapeError(
      operation, parameter: "output",
      "an output of shape \(shape) takes \(scaled(bytes, unit: "B")), but this machine has \(scaled(memory, unit: "B")) of memory",
      mend: "ask for a smaller output", shapes: [shape])
  }
}
