import ArgumentParser

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Run an operation on a file, or on a built-in sample.")
}
