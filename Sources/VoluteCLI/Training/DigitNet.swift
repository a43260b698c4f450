import Volute

/// A small convolutional network that reads digits.
///
/// # Shapes
/// `[batch, 1, 28, 28]` gives the scores of the digits, `[batch, 10]`.
final class DigitNet: Layer {
  let conv1 = Conv2d(inChannels: 1, outChannels: 16, kernelSize: 3, padding: 1)
  let conv2 = Conv2d(inChannels: 16, outChannels: 32, kernelSize: 3, padding: 1)
  let hidden = Linear(inFeatures: 32 * 7 * 7, outFeatures: 64)
  let dropout = Dropout(probability: 0.25)
  let head = Linear(inFeatures: 64, outFeatures: RenderedDigits.classes)
  private let pool = MaxPool2d(kernelSize: 2)

  func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    let wide = try pool(conv1(x).relu())
    let deep = try pool(conv2(wide).relu())
    return try head(dropout(hidden(deep.flattened(1, -1)).relu()))
  }
}
