import CVolute

/// `value` with `digits` decimals, as C's `printf` rounds and writes it; `inf` and `nan` by name.
package func numberText(_ value: Double, digits: Int, isScientific: Bool = false) -> String {
  if value.isNaN { return "nan" }
  // The longest double has 309 digits before the point.
  let capacity = 330 + digits
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
    let length = volute_format(value, Int32(digits), isScientific ? 1 : 0, buffer.baseAddress, capacity)
    return String(decoding: buffer.prefix(Int(length)).lazy.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
