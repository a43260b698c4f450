// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that nobody who builds or tests the library resolves the benchmark library.
let package = Package(
  name: "volute-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "volute", path: ".."),
    // No traits: they count allocations and retains, for which they replace malloc.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "EngineBenchmarks",
      dependencies: [
        .product(name: "Volute", package: "volute"),
        .product(name: "VoluteArithmetic", package: "volute"),
        .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Benchmarks/EngineBenchmarks",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ]
)
