import ArgumentParser

struct ShapeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shape", abstract: "The output size, the formula with its numbers, and the cost.")
}
