import Benchmark
import CVolute

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The kernels of products, packing and transforms in Float32, one call each.
func kernelBenchmarks() {
  let kernels = volute_kernels_for_this_machine().pointee.f32.pointee
  tiles(kernels)
  stencils(kernels)
  winograd(kernels)
  lines(kernels)
  packing(kernels)
}

/// C = A * B for 256 columns of A: the products that a tile of this size takes.
private func tiles(_ kernels: volute_scalar_kernels) {
  for index in 0..<kernels.tile_count {
    let tile = kernels.tiles[index]
    let (depth, width) = (256, tile.vectors * kernels.lanes)
    let (a, b, c) = (Room(depth * tile.rows), Room(depth * width), Room(tile.rows * width))
    let offsets = Room<Int32>(depth) { Int32($0 * width) }
    measure("tile \(tile.rows) by \(tile.vectors), depth 256") {
      tile.run(depth, a.base, b.base, offsets.base, c.base, width, tile.rows, width, 0)
    }
  }
}

/// A 7 by 7 kernel over the rows that a stencil computes at once.
private func stencils(_ kernels: volute_scalar_kernels) {
  for index in 0..<kernels.stencil_count {
    let stencil = kernels.stencils[index]
    let width = stencil.vectors * kernels.lanes
    let pitch = width + 6
    let (x, w, c) = (Room((stencil.rows + 6) * pitch), Room(49), Room(stencil.rows * width))
    let plane = Room<volute_plane>(1) { _ in volute_plane(input: 0, weight: 0, rows: 7, columns: 7) }
    measure("stencil \(stencil.rows) by \(stencil.vectors), 7 by 7") {
      stencil.run(1, plane.base, x.base, pitch, w.base, c.base, width, stencil.rows, width, nil)
    }
  }
}

private func winograd(_ kernels: volute_scalar_kernels) {
  let count = 256
  let transforms = [
    ("input", kernels.winograd.input[1], 6, 6), ("weight", kernels.winograd.weight[5], 3, 6),
    ("output", kernels.winograd.output[6], 6, 4),
  ]
  for (name, transform, inputs, outputs) in transforms {
    guard let transform else { continue }
    let (from, to) = (Room(inputs * count), Room(outputs * count))
    let sources = Room<UnsafeRawPointer?>(inputs) { UnsafeRawPointer(from.base + $0 * count) }
    let targets = Room<UnsafeMutableRawPointer?>(outputs) { UnsafeMutableRawPointer(to.base + $0 * count) }
    measure("winograd F(4,3) \(name), 256 places") {
      transform(count, sources.base, targets.base)
      withExtendedLifetime((from, to)) {}
    }
  }
}

/// The Fourier transform of as many lines as a vector has lanes.
private func lines(_ kernels: volute_scalar_kernels) {
  for factors in [[8, 8], [8, 4, 4], [8, 5, 3, 3], [8, 8, 8]] {
    let size = factors.reduce(1, *)
    var twiddles: [Float] = []
    var left = size
    for factor in factors {
      for place in 0..<left / factor {
        for value in 1..<factor {
          let angle = -2 * Double.pi * Double(place * value) / Double(left)
          twiddles += [Float(cos(angle)), Float(sin(angle))]
        }
      }
      left /= factor
    }
    let table = Room(twiddles.count) { twiddles[$0] }
    let list = Room(factors.count) { factors[$0] }
    // Zeros stay zeros, however often they are transformed.
    let parts = (0..<4).map { _ in Room<Float>(size * kernels.lanes) { _ in 0 } }
    measure("fft of \(kernels.lanes) lines of \(size)") {
      _ = kernels.fft(
        size, factors.count, list.base, table.base, parts[0].base, parts[1].base, parts[2].base, parts[3].base
      )
    }
  }
}

/// 64 lines of 64 elements on their way into a block.
private func packing(_ kernels: volute_scalar_kernels) {
  let (lines, width) = (64, 64)
  let (from, to) = (Room(lines * width * 2), Room(lines * width * 2))
  let sources = Room(lines) { $0 * width }
  for (name, step) in [("side by side", 1), ("every other element", 2)] {
    let run = Room<volute_run>(1) { _ in volute_run(to: 0, from: 0, step: step, count: width) }
    measure("pack 64 lines of 64, \(name)") {
      kernels.pack(lines, sources.base, from.base, 1, run.base, to.base, width, 0)
    }
  }
  let whole = Room<volute_run>(1) { _ in volute_run(to: 0, from: 0, step: 1, count: width) }
  let line = Room(width + 4 * kernels.lanes)
  measure("pack 64 lines of 64 by a stride of 2") {
    kernels.pack_phases(
      lines, sources.base, from.base, 1, whole.base, 2, line.base, to.base, width / 2, lines * width / 2, 0)
  }
  measure("transpose 64 by 64") { kernels.transpose(lines, width, from.base, width, 1, to.base, lines) }
}
