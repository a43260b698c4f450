import VoluteEngine

/// A Swift number that can stand where a tensor can.
public protocol ScalarValue {
  /// The number, as a boolean, an integer or a real.
  var scalar: Scalar { get }
}

extension Double: ScalarValue { public var scalar: Scalar { .real(self) } }
extension Float: ScalarValue { public var scalar: Scalar { .real(Double(self)) } }
extension Int: ScalarValue { public var scalar: Scalar { .integer(Int64(self)) } }
extension Bool: ScalarValue { public var scalar: Scalar { .boolean(self) } }
