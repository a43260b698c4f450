import Foundation
import Testing
import Volute
import VoluteFormats
import VoluteModels

@Suite struct CylindricalUNetTests {
  @Test(arguments: [
    (CylindricalUNet.Configuration.photons, 518_401), (.pions, 522_497), (.dataset2, 517_969),
    (.dataset3, 1_221_153),
  ]) func parametersAreAsMany(_ configuration: CylindricalUNet.Configuration, _ count: Int) {
    #expect(CylindricalUNet(configuration).parameterCount == count)
  }

  @Test(arguments: [CylindricalUNet.Configuration.photons, .pions, .dataset2, .dataset3])
  func theShapeComesBack(_ configuration: CylindricalUNet.Configuration) throws {
    let net = CylindricalUNet(configuration)
    let x = Tensor.randn([2, configuration.channels] + configuration.size)
    let y = try noGrad { () throws(ShapeError) in
      try net(x, energy: Tensor.rand([2]), time: Tensor.rand([2]))
    }
    #expect(y.shape == [2, 1] + configuration.size)
  }

  /// Weights, inputs, outputs, gradients and a step of Adam of the published network in PyTorch, on synthetic numbers.
  /// `Reference` holds the photons' without the weights; `VOLUTE_REFERENCE_DATA` may name a folder of whole files.
  static let references: [Reference] = {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Reference")
      .path
    var found = [Reference(path: "\(here)/condunet_ds1_photon.safetensors", configuration: .photons)]
    if let folder = ProcessInfo.processInfo.environment["VOLUTE_REFERENCE_DATA"], !folder.isEmpty {
      found.append(Reference(path: "\(folder)/condunet_ds2.safetensors", configuration: .dataset2))
      found.append(Reference(path: "\(folder)/condunet_ds1_photon.safetensors", configuration: .photons))
    }
    return found
  }()

  struct Reference: Sendable, CustomTestStringConvertible {
    let path: String
    let configuration: CylindricalUNet.Configuration
    var testDescription: String { String(path.split(separator: "/").last ?? "") }
  }

  @Test(arguments: references, [ConvolutionPolicy.exact, .automatic])
  func theReferenceIsMet(_ named: Reference, _ policy: ConvolutionPolicy) throws {
    let file = try Safetensors.read(named.path)
    var configuration = named.configuration
    configuration.policy = policy
    let net = CylindricalUNet(configuration, generator: Generator(seed: 7))
    // The seed gives the weights that the rest was computed with; whole files have them too.
    let weights = file.filter { !$0.key.hasPrefix("golden.") }
    if !weights.isEmpty {
      for (key, tensor) in net.stateDictionary {
        #expect(try tensor.isEqual(to: #require(weights[key])), "initial \(key)")
      }
      try net.load(weights)
    }
    func golden(_ key: String) throws -> Tensor { try #require(file["golden.\(key)"]) }
    func step() throws -> Tensor {
      try mseLoss(net(golden("x"), energy: golden("energy"), time: golden("time")), golden("target"))
    }
    func relative(_ x: Tensor, _ y: Tensor) -> Double {
      ((x.detached() - y).norm() / y.norm()).item(as: Double.self)
    }
    let isExact = policy == .exact
    let output = try net(golden("x"), energy: golden("energy"), time: golden("time"))
    if isExact {
      #expect((output.detached() - (try golden("output"))).abs().max().item(as: Double.self) < 1e-5)
    }
    #expect(relative(output, try golden("output")) < 1e-4)
    let loss = try step()
    #expect(abs(loss.item(as: Double.self) - (try golden("loss").item(as: Double.self))) < 1e-5)
    loss.backward()
    let parameters = Dictionary(uniqueKeysWithValues: net.namedParameters.map { ($0.key, $0.parameter) })
    for key in file.keys where key.hasPrefix("golden.grad.") {
      let name = String(key.dropFirst("golden.grad.".count))
      let gradient = try #require(parameters[name]?.grad)
      let found = relative(gradient, try #require(file[key]))
      #expect(found < (isExact ? 2e-5 : 1e-4), "gradient of \(name): \(found)")
    }
    for (key, parameter) in parameters {
      let norm = try golden("grad_norm.\(key)").item(as: Double.self)
      let found = try #require(parameter.grad).norm().item(as: Double.self)
      #expect(abs(found - norm) <= (isExact ? 2e-5 : 1e-4) * norm + 1e-9, "norm of \(key)")
    }
    let gradients = parameters.mapValues(\.grad)
    let optimizer = Adam(net.parameters, learningRate: 4e-4)
    optimizer.step()
    for key in file.keys where key.hasPrefix("golden.adam.") {
      let name = String(key.dropFirst("golden.adam.".count))
      let (updated, expected) = (try #require(parameters[name]).value, try #require(file[key]))
      let distance = (updated.detached() - expected).abs()
      let isLarge = (try #require(gradients[name] ?? nil)).abs() .> 1e-5
      let worst = (distance * isLarge.to(.float32)).max().item(as: Double.self)
      #expect(worst <= (isExact ? 1e-7 : 1e-4), "\(name) after a step: \(worst)")
      // A step of Adam is the rate times the sign of a gradient that is next to nothing.
      #expect(isExact ? distance.max().item(as: Double.self) <= 1e-4 : relative(updated, expected) < 1e-4)
    }
    let after = try noGrad { () throws(ShapeError) in
      try net(
        file["golden.x"] ?? output, energy: file["golden.energy"] ?? output,
        time: file["golden.time"] ?? output)
    }
    #expect((after - (try golden("output_after_step"))).abs().max().item(as: Double.self) < 1e-4)
  }
}
