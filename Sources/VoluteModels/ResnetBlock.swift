import Volute

/// A convolution over the cylinder, normalised and activated. State: `proj.conv`, `norm`.
final class CylindricalBlock: Layer {
  let proj: CylindricalConv
  let norm: GroupNorm

  init(_ inputs: Int, _ outputs: Int, groups: Int = 8, policy: ConvolutionPolicy, generator: Generator) {
    proj = CylindricalConv(
      inChannels: inputs, outChannels: outputs, padding: 1, policy: policy, generator: generator)
    norm = GroupNorm(groups: groups, channels: outputs)
  }

  func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try norm(proj(x)).silu() }
}

/// Two blocks, with what conditions them added in between, and the input added at the end. State: `mlp.1`, `block1`,
/// `block2`, `res_conv`.
final class ResnetBlock: Module {
  let mlp: Sequential?
  let block1: CylindricalBlock
  let block2: CylindricalBlock
  let resConv: CylindricalConv?

  var keys: [String: String] { ["resConv": "res_conv"] }

  init(
    _ inputs: Int, _ outputs: Int, conditioning: Int?, policy: ConvolutionPolicy, generator: Generator
  ) {
    mlp = conditioning.map {
      Sequential(SiLU(), Linear(inFeatures: $0, outFeatures: outputs, generator: generator))
    }
    // Drawn even where the widths agree and it is not needed, as the published network draws it.
    let skip = CylindricalConv(
      inChannels: inputs, outChannels: outputs, kernelSize: 1, padding: 0, policy: policy,
      generator: generator)
    resConv = inputs == outputs ? nil : skip
    block1 = CylindricalBlock(inputs, outputs, policy: policy, generator: generator)
    block2 = CylindricalBlock(outputs, outputs, policy: policy, generator: generator)
  }

  func callAsFunction(_ x: Tensor, _ condition: Tensor?) throws(ShapeError) -> Tensor {
    try called(with: [x]) { () throws(ShapeError) in
      var h = try block1(x)
      if let mlp, let condition {
        let shift = try mlp(condition)
        h = h + shift.reshaped(shift.shape + [1, 1, 1])
      }
      h = try block2(h)
      return try h + (resConv?(x) ?? x)
    }
  }
}
