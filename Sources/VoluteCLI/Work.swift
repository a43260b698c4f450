import Volute

/// Runs an operation and shows how far it has come.
struct Work {
  /// Multiply-adds above which a batch is worked on sample by sample, so that progress shows.
  private static let longWork = 1e9

  let call: Call
  let plan: Plan

  func run(_ operands: Operands) throws -> Results {
    let family = call.operation.family
    let input = operands.input
    let isBatched = input.rank == call.rank + 2 && input.shape[0] > 1
    guard plan.multiplyAdds > Self.longWork, isBatched, family.options.contains(.weight) else {
      let progress = Progress(call.name)
      defer { progress.finish() }
      return try family.run(call, operands)
    }
    let progress = Progress(call.name, of: input.shape[0])
    defer { progress.finish() }
    let outputs = try (0..<input.shape[0]).map { sample in
      var part = operands
      part.input = input.sliced(0, sample..<sample + 1)
      defer { progress.advance() }
      return try family.run(call, part).output
    }
    return Results(output: try concatenate(outputs))
  }
}
