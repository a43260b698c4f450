import Testing
import Volute
import VoluteModels

/// A shower that is turned about the axis gives a result that is turned as far, where the strides around divide the ring and
/// the turn. The image of the angle, which would tell where the ring begins, is left out.
@Suite struct CylinderRotationTests {
  static func network(_ size: [Int], isExact: Bool = false) throws -> CylindricalUNet {
    let configuration = CylindricalUNet.Configuration(size: size, channels: 3, widths: [8, 8, 8, 16])
    return CylindricalUNet(
      isExact ? try configuration.resampledExactly() : configuration, generator: Generator(seed: 3))
  }

  /// The largest difference between what is turned after and what is turned before, beside the largest result.
  static func difference(_ net: CylindricalUNet, turned shift: Int) throws -> Double {
    let size = net.configuration.size
    let x = Tensor.randn([2, 3] + size, generator: Generator(seed: 4))
    let (energy, time) = (Tensor([0.3, 0.8] as [Float]), Tensor([0.9, 0.2] as [Float]))
    return try noGrad { () throws(ShapeError) in
      let after = try net(x, energy: energy, time: time).rolled([shift], [3])
      let before = try net(x.rolled([shift], [3]), energy: energy, time: time)
      return (after - before).abs().max().item(as: Double.self) / after.abs().max().item(as: Double.self)
    }
  }

  @Test(arguments: [4, 8, 12]) func dataset2TurnsByItsStride(_ shift: Int) throws {
    let net = try Self.network([45, 16, 9])
    #expect(try Self.difference(net, turned: shift) < 1e-5)
  }

  @Test func dataset2DoesNotTurnByLess() throws {
    let net = try Self.network([45, 16, 9])
    for shift in [1, 2, 6] { #expect(try Self.difference(net, turned: shift) > 1e-3) }
  }

  /// Rings of 10 and 50 are halved once, 10 to 5 to 5 and 50 to 25 to 25, and turn by two bins.
  @Test(arguments: [[5, 10, 30], [9, 50, 18]]) func exactStridesTurnAnyRing(_ size: [Int]) throws {
    let net = try Self.network(size, isExact: true)
    #expect(net.configuration.levels.map { $0[1] } == [size[1], size[1] / 2, size[1] / 2])
    for shift in [2, 4, size[1] - 2] { #expect(try Self.difference(net, turned: shift) < 1e-5, "\(shift)") }
    #expect(try Self.difference(net, turned: 1) > 1e-3)
  }

  /// As published, 10 become 5 and 2, and 50 become 25 and 12: no turn but the whole one is met.
  @Test(arguments: [[5, 10, 30], [9, 50, 18]]) func thePublishedStridesTurnNeither(_ size: [Int]) throws {
    let net = try Self.network(size)
    for shift in [2, 4, size[1] / 2] { #expect(try Self.difference(net, turned: shift) > 1e-3, "\(shift)") }
  }
}
