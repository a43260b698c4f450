// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that nobody who builds or tests the library resolves a web server.
let package = Package(
  name: "volute-explorer",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "volute", path: ".."),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.0.0"),
  ],
  targets: [
    .target(
      name: "ExplorerServer",
      dependencies: [
        .product(name: "Volute", package: "volute"),
        .product(name: "VoluteArithmetic", package: "volute"),
        .product(name: "VoluteInsight", package: "volute"),
        .product(name: "Hummingbird", package: "hummingbird"),
      ],
      resources: [.copy("Page")]),
    .executableTarget(name: "volute-explorer", dependencies: ["ExplorerServer"]),
    .testTarget(
      name: "ExplorerServerTests",
      dependencies: ["ExplorerServer", .product(name: "HummingbirdTesting", package: "hummingbird")]),
  ]
)
