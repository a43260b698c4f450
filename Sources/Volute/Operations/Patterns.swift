import VoluteEngine

/// What ``reduce(_:_:_:_:)`` does with the axes that disappear.
public enum PatternReduction: String, CaseIterable, Hashable, Sendable {
  /// The sum over the axes that vanish.
  case sum
  /// The mean over them.
  case mean
  /// The least element.
  case min
  /// The largest element.
  case max
  /// The product.
  case product = "prod"
  /// Whether any element is true.
  case any
  /// Whether all elements are true.
  case all
}

/// `x` with its axes split, merged and reordered as a pattern says.
///
/// ```swift
/// try rearrange(images, "b (h w) c -> b c h w", ["h": 32])
/// ```
///
/// Names stand for axes, brackets for several axes in one, `1` and `()` for an axis of size 1, and `...` for
/// any number of axes. `sizes` gives the sizes that do not follow from the shape.
/// - Throws: ``ShapeError`` for a pattern that is wrong or does not fit the shape.
public func rearrange(
  _ x: Tensor, _ pattern: String, _ sizes: [String: Int] = [:]
) throws(ShapeError) -> Tensor {
  let plan = try PatternPlan(pattern, .rearrange, shape: x.shape, sizes: sizes)
  return try plan.apply(to: x)
}

/// `x` reduced over the axes that a pattern has only on its left; see ``rearrange(_:_:_:)``.
///
/// ```swift
/// try reduce(images, "b c (h 2) (w 2) -> b c h w", .max)
/// ```
///
/// - Throws: ``ShapeError`` for a pattern that is wrong or does not fit the shape, for the mean of integers, and
///   for the smallest or largest of no elements.
public func reduce(
  _ x: Tensor, _ pattern: String, _ reduction: PatternReduction, _ sizes: [String: Int] = [:]
) throws(ShapeError) -> Tensor {
  let plan = try PatternPlan(pattern, .reduce(reduction), shape: x.shape, sizes: sizes)
  return try plan.apply(to: x)
}

/// `x` repeated along the axes that a pattern has only on its right; see ``rearrange(_:_:_:)``.
///
/// ```swift
/// try repeatElements(image, "h w -> (h 2) (w 2)")
/// try repeatElements(image, "h w -> h w c", ["c": 3])
/// ```
///
/// - Throws: ``ShapeError`` for a pattern that is wrong or does not fit the shape.
public func repeatElements(
  _ x: Tensor, _ pattern: String, _ sizes: [String: Int] = [:]
) throws(ShapeError) -> Tensor {
  let plan = try PatternPlan(pattern, .repeat, shape: x.shape, sizes: sizes)
  return try plan.apply(to: x)
}

extension Tensor {
  /// See ``Volute/rearrange(_:_:_:)``; traps where that throws.
  public func rearranged(_ pattern: String, _ sizes: [String: Int] = [:]) -> Tensor {
    trapping { () throws(ShapeError) in try rearrange(self, pattern, sizes) }
  }

  /// See ``Volute/reduce(_:_:_:_:)``; traps where that throws.
  public func reduced(
    _ pattern: String, _ reduction: PatternReduction, _ sizes: [String: Int] = [:]
  ) -> Tensor {
    trapping { () throws(ShapeError) in try Volute.reduce(self, pattern, reduction, sizes) }
  }

  /// See ``Volute/repeatElements(_:_:_:)``; traps where that throws.
  public func repeated(_ pattern: String, _ sizes: [String: Int] = [:]) -> Tensor {
    trapping { () throws(ShapeError) in try repeatElements(self, pattern, sizes) }
  }

  fileprivate func reduced(_ axes: [Int], _ reduction: PatternReduction) -> Tensor {
    switch reduction {
    case .sum: sum(axes)
    case .mean: mean(axes)
    case .min: min(axes)
    case .max: max(axes)
    case .product: product(axes)
    case .any: any(axes)
    case .all: all(axes)
    }
  }
}

/// A pattern, read and fitted to one shape.
///
/// All three operations are one walk: split the axes, reduce those that go, reorder those that stay, spread over
/// those that come, merge.
private struct PatternPlan {
  enum Operation {
    case rearrange
    case reduce(PatternReduction)
    case `repeat`

    var name: String {
      switch self {
      case .rearrange: "rearrange"
      case .reduce: "reduce"
      case .repeat: "repeat"
      }
    }
  }

  private let pattern: String
  private let operation: Operation
  private let shape: [Int]
  private let left: PatternExpression
  private let right: PatternExpression
  /// The size of every axis on either side.
  private var sizes: [PatternAxis: Int] = [:]

  init(
    _ pattern: String, _ operation: Operation, shape: [Int], sizes given: [String: Int]
  ) throws(ShapeError) {
    self.pattern = pattern
    self.operation = operation
    self.shape = shape
    let refuse = PatternPlan.refusal(pattern, operation, shape)
    guard let (leftText, rightText) = PatternPlan.sides(pattern) else {
      throw refuse("a pattern has one arrow \"->\" between two sides")
    }
    let left = try PatternExpression(leftText, place: 0, refuse: refuse)
    let right = try PatternExpression(rightText, place: pattern.count, refuse: refuse)
    if right.hasEllipsis && !left.hasEllipsis {
      throw refuse("ellipsis found in right side, but not left side")
    }
    if left.hasBracketedEllipsis {
      throw refuse("ellipsis inside parenthesis in the left side is not allowed")
    }
    try PatternPlan.checkAgreement(left, right, operation, given, refuse)

    let named = left.groups.count - (left.hasEllipsis ? 1 : 0)
    guard left.hasEllipsis ? shape.count >= named : shape.count == named else {
      throw refuse(
        "wrong shape: expected \(left.hasEllipsis ? ">=" : "")\(named) dims, received \(shape.count)-dim tensor"
      )
    }
    self.left = left.expanded(covering: shape.count - named)
    self.right = right.expanded(covering: shape.count - named)
    try fitSizes(given, refuse)
  }

  /// Makes the error for a clause, with the pattern and the shape.
  private static func refusal(
    _ pattern: String, _ operation: Operation, _ shape: [Int]
  ) -> (String) -> ShapeError {
    { clause in
      ShapeError(
        operation.name, parameter: "pattern", "\(clause); pattern \"\(pattern)\", shape \(shape)",
        shapes: [shape])
    }
  }

  /// What is before and after the only arrow.
  private static func sides(_ pattern: String) -> (Substring, Substring)? {
    let parts = pattern.split(separator: "->", omittingEmptySubsequences: false)
    return parts.count == 2 ? (parts[0], parts[1]) : nil
  }

  /// New axes come only in `repeat`, and go only in `reduce`.
  private static func checkAgreement(
    _ left: PatternExpression, _ right: PatternExpression, _ operation: Operation, _ given: [String: Int],
    _ refuse: (String) -> ShapeError
  ) throws(ShapeError) {
    let (leftAxes, rightAxes) = (Set(left.axes), Set(right.axes))
    switch operation {
    case .rearrange:
      if leftAxes.union(rightAxes).contains(where: { $0.size != nil }) {
        throw refuse("non-unitary anonymous axes are not supported in rearrange (exception is length 1)")
      }
      let difference = leftAxes.symmetricDifference(rightAxes)
      if !difference.isEmpty {
        throw refuse(
          "identifiers only on one side of expression (should be on both): \(listText(difference))")
      }
    case .repeat:
      let lost = leftAxes.subtracting(rightAxes)
      if !lost.isEmpty {
        throw refuse("unexpected identifiers on the left side of repeat: \(listText(lost))")
      }
      let unknown = rightAxes.subtracting(leftAxes).filter { $0.size == nil && given[$0.description] == nil }
      if !unknown.isEmpty { throw refuse("specify sizes for new axes in repeat: \(listText(unknown))") }
    case .reduce(let reduction):
      let new = rightAxes.subtracting(leftAxes)
      if !new.isEmpty {
        throw refuse(
          "unexpected identifiers on the right side of reduce \(reduction.rawValue): \(listText(new))")
      }
    }
  }

  /// Finds the size of every axis.
  private mutating func fitSizes(
    _ given: [String: Int], _ refuse: (String) -> ShapeError
  ) throws(ShapeError) {
    let axes = Set(left.axes + right.axes)
    for axis in axes { sizes[axis] = axis.size }
    for (name, size) in given.sorted(by: { $0.key < $1.key }) {
      if let reason = PatternExpression.reasonAgainst(name: name) {
        throw refuse("invalid name for an axis: \(name) (\(reason))")
      }
      guard axes.contains(.named(name)) else { throw refuse("axis \(name) is not used in transform") }
      if size < 0 { throw refuse("axis \(name) has the negative size \(size)") }
      sizes[.named(name)] = size
    }
    for (group, length) in zip(left.groups, shape) {
      let known = try elementCount(group.axes.compactMap { sizes[$0] }, operation: operation.name)
      let unknown = group.axes.filter { sizes[$0] == nil }
      if unknown.count > 1 { throw refuse("could not infer sizes for \(listText(unknown))") }
      if let axis = unknown.first {
        guard known > 0, length % known == 0 else {
          throw refuse("shape mismatch, can't divide axis of length \(length) in chunks of \(known)")
        }
        sizes[axis] = length / known
      } else if known != length {
        throw refuse("shape mismatch, \(length) != \(known)")
      }
    }
  }

  func apply(to x: Tensor) throws(ShapeError) -> Tensor {
    var result = try reshape(x, left.axes.map { sizes[$0] ?? 1 })
    var remaining = left.axes
    if case .reduce(let reduction) = operation {
      let kept = Set(right.axes)
      let reduced = remaining.indices.filter { !kept.contains(remaining[$0]) }
      if !reduced.isEmpty {
        try check(reduction, of: result, over: reduced)
        result = result.reduced(reduced, reduction)
        remaining.removeAll { !kept.contains($0) }
      }
    }
    result = try permute(result, right.axes.compactMap(remaining.firstIndex(of:)))
    for (place, axis) in right.axes.enumerated() where !remaining.contains(axis) {
      result = result.unsqueezed(place)
    }
    result = try expand(result, right.axes.map { sizes[$0] ?? 1 })
    return try reshape(
      result, right.groups.map { $0.axes.reduce(1) { $0 * (sizes[$1] ?? 1) } })
  }

  private func check(
    _ reduction: PatternReduction, of x: Tensor, over axes: [Int]
  ) throws(ShapeError) {
    let refuse = PatternPlan.refusal(pattern, operation, shape)
    switch reduction {
    case .mean where !x.dtype.isFloatingPoint:
      throw refuse("the mean is not available for \(x.dtype.rawValue)")
    case .min where axes.contains { x.shape[$0] == 0 }, .max where axes.contains { x.shape[$0] == 0 }:
      throw refuse("there is no \(reduction.rawValue) of no elements")
    default: break
    }
  }
}
