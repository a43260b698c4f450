import VoluteEngine

/// Samples that can be had by their number, for a ``DataLoader``.
///
/// ```swift
/// struct Squares: Dataset {
///   let count = 100
///   func element(at index: Int) -> [Tensor] { [Tensor(Float(index)), Tensor(Float(index * index))] }
/// }
/// ```
public protocol Dataset: Sendable {
  associatedtype Sample: Sendable = [Tensor]
  /// What a loader hands out.
  associatedtype Batch: Sendable = [Tensor]

  /// The number of samples.
  var count: Int { get }

  /// The sample of a number below ``count``.
  ///
  /// It is called from several threads at once, in no particular order, and must give the same for the same number each
  /// time: what is random about a sample is drawn from a generator whose seed comes from `index`.
  func element(at index: Int) throws -> Sample

  /// Samples put together; those of tensors are stacked by default.
  func batch(_ samples: [Sample]) throws -> Batch
}

extension Dataset where Sample == [Tensor], Batch == [Tensor] {
  /// One tensor for each tensor of a sample, with an axis for the samples in front.
  ///
  /// - Throws: ``ShapeError`` when the samples differ in their number of tensors or in their shapes.
  public func batch(_ samples: [[Tensor]]) throws -> [Tensor] {
    let width = samples.first?.count ?? 0
    if let odd = samples.first(where: { $0.count != width }) {
      throw ShapeError(
        "batch", parameter: "samples", "one sample has \(width) tensors, but another has \(odd.count)")
    }
    return try (0..<width).map { part in try stack(samples.map { $0[part] }) }
  }
}

/// Tensors that have a sample at each place of their first axis, such as images and their labels.
public struct TensorDataset: Dataset {
  public let tensors: [Tensor]
  public let count: Int

  /// - Throws: ``ShapeError`` when there is no tensor, one is a single number, or their first sizes differ.
  public init(_ tensors: Tensor...) throws(ShapeError) { try self.init(tensors) }

  /// - Throws: ``ShapeError`` when there is no tensor, one is a single number, or their first sizes differ.
  public init(_ tensors: [Tensor]) throws(ShapeError) {
    guard let count = tensors.first?.shape.first, tensors.allSatisfy({ $0.shape.first == count }) else {
      throw ShapeError(
        "tensor_dataset", parameter: "tensors",
        "expected tensors of one first size, but got shapes \(tensors.map(\.shape))",
        shapes: tensors.map(\.shape))
    }
    self.tensors = tensors.map { $0.detached() }
    self.count = count
  }

  /// The tensors at `index` of their first axes; they share the bytes.
  public func element(at index: Int) -> [Tensor] { tensors.map { $0[index] } }
}
