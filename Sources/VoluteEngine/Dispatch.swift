/// Work that is written once for every element type.
package protocol ElementVisitor<Result> {
  associatedtype Result
  func visit<T: Element>(_ type: T.Type) -> Result
}

extension DType {
  /// The one switch from a run-time type to a compile-time one.
  @inline(__always)
  package func dispatch<Visitor: ElementVisitor>(_ visitor: Visitor) -> Visitor.Result {
    switch self {
    case .float16: visitor.visit(Float16.self)
    case .bfloat16: visitor.visit(BFloat16.self)
    case .float32: visitor.visit(Float.self)
    case .float64: visitor.visit(Double.self)
    case .int8: visitor.visit(Int8.self)
    case .int16: visitor.visit(Int16.self)
    case .int32: visitor.visit(Int32.self)
    case .int64: visitor.visit(Int64.self)
    case .uint8: visitor.visit(UInt8.self)
    case .bool: visitor.visit(Bool.self)
    }
  }
}
