// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "volute",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Volute", targets: ["Volute"]),
    .library(name: "VoluteArithmetic", targets: ["VoluteArithmetic"]),
    .library(name: "VoluteFormats", targets: ["VoluteFormats"]),
    .library(name: "VoluteModels", targets: ["VoluteModels"]),
    .library(name: "VoluteInsight", targets: ["VoluteInsight"]),
    .executable(name: "volute", targets: ["VoluteCLI"]),
  ],
  traits: [
    .trait(name: "HDF5", description: "Showers in HDF5 files, through the system's library (libhdf5-dev).")
  ],
  dependencies: [
    // The command's only; the library's own graph has no third-party package.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
  ],
  targets: [
    .target(name: "CVolute"),
    .target(name: "VoluteArithmetic"),
    .target(name: "VoluteEngine", dependencies: ["CVolute", "VoluteArithmetic"]),
    .target(name: "Volute", dependencies: ["CVolute", "VoluteEngine", "VoluteArithmetic"]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
    .target(
      name: "VoluteFormats",
      dependencies: [
        "Volute", "VoluteEngine", "CZlib", .target(name: "CHDF5", condition: .when(traits: ["HDF5"])),
      ]),
    .target(name: "VoluteInsight", dependencies: ["Volute", "VoluteEngine", "VoluteArithmetic"]),
    .target(name: "VoluteModels", dependencies: ["CVolute", "Volute", "VoluteFormats"]),
    .executableTarget(
      name: "VoluteCLI",
      dependencies: [
        "Volute", "VoluteFormats", "VoluteInsight", "VoluteModels", "VoluteArithmetic", "VoluteEngine",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // Not a product: feeds damaged files to the readers, `swift run -c release FuzzReaders npy 100000`.
    .executableTarget(name: "FuzzReaders", dependencies: ["Volute", "VoluteFormats"]),
    // Not a product: takes 1,000 training steps and prints what memory was held before and after.
    .executableTarget(name: "LeakCheck", dependencies: ["Volute", "VoluteEngine"]),
    .testTarget(name: "VoluteArithmeticTests", dependencies: ["VoluteArithmetic"]),
    .testTarget(name: "VoluteEngineTests", dependencies: ["VoluteEngine"]),
    .testTarget(
      name: "VoluteTests", dependencies: ["Volute", "VoluteEngine", "VoluteFormats"], exclude: ["Golden"]),
    .testTarget(
      name: "VoluteFormatsTests", dependencies: ["Volute", "VoluteFormats"], exclude: ["Fixtures"]),
    .testTarget(
      name: "VoluteInsightTests",
      dependencies: ["VoluteInsight", "VoluteModels", "Volute", "VoluteArithmetic"],
      exclude: ["Snapshots"]),
    .testTarget(
      name: "VoluteModelsTests", dependencies: ["VoluteModels", "VoluteFormats", "Volute", "VoluteEngine"],
      exclude: ["Reference"]),
    // The Swift of the README and of the articles, and what it prints.
    .testTarget(
      name: "DocumentationTests", dependencies: ["Volute", "VoluteFormats", "VoluteInsight", "VoluteModels"]),
    .testTarget(name: "VoluteCLITests", dependencies: ["VoluteCLI", "LeakCheck", "Volute", "VoluteFormats"]),
  ]
)
