import ArgumentParser
import Volute
import VoluteEngine

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "The algorithms that could compute a convolution, and the one that is taken.",
    discussion: """
      Predicted times are for one core, by constants that ship with Volute: the choice depends on the shapes, the type, \
      the instruction set and the workspace limit, never on the clock. --measure times each candidate besides.

        volute plan conv3d --input-shape 1,7,100,100,100 --weight-shape 1,7,50,50,50
        volute plan conv2d --input-shape 8,64,56,56 --weight-shape 64,64,3,3 \\
          --padding 1 --measure
      """)

  @OptionGroup var convolution: ConvolutionCase

  @Flag(name: .long, help: "Time every candidate that is predicted to take less than ten seconds.")
  var measure = false

  func run() throws {
    let geometry = try convolution.geometry()
    let plan = try Engine.plan(
      geometry, convolution.direction, convolution.dtype, policy: convolution.algorithm)
    print(
      """
      \(geometry.operation) \(plan.direction.rawValue) \(plan.dtype.rawValue), \(Engine.instructionSet)
        input   \(geometry.inputShape)
        weight  \(geometry.weightShape)
        output  \(geometry.outputShape)
        limit   \(scaled(Double(Engine.workspaceLimit), unit: "B")) of workspace

        algorithm    predicted  \(measure ? "measured   " : "")workspace  error rms, largest
      """)
    for candidate in plan.candidates {
      let mark = candidate.algorithm == plan.algorithm ? "*" : " "
      if let refusal = candidate.refusal {
        print("\(mark) \(padded(candidate.algorithm.rawValue, 13))cannot: \(refusal)")
        continue
      }
      let predicted = timeText(.seconds(1) * candidate.seconds)
      let measured = measure ? padded(try self.measured(candidate, geometry), 11) : ""
      let bound = candidate.algorithm.errorBound
      print(
        "\(mark) \(padded(candidate.algorithm.rawValue, 13))\(padded(predicted, 11))\(measured)"
          + "\(padded(scaled(Double(candidate.workspace), unit: "B"), 11))\(bound.rms), \(bound.maximum)")
    }
    print("\n  taken: \(reason(plan))")
  }

  private func measured(_ candidate: ConvolutionCandidate, _ geometry: ConvolutionGeometry) throws -> String {
    if candidate.seconds > 10 { return "-" }
    let run = try ConvolutionRun(
      geometry, convolution.direction, convolution.dtype, policy: .algorithm(candidate.algorithm))
    _ = try run.time()
    let times = try (0..<3).map { _ in try run.time() }.sorted()
    return timeText(times[1])
  }

  private func reason(_ plan: ConvolutionPlan) -> String {
    let name = plan.algorithm.rawValue
    return switch convolution.algorithm {
    case .automatic: "\(name), the least predicted time of those that fit the limit"
    case .exact: "\(name), the least predicted time of those that add up the definition's products"
    case .algorithm: "\(name), as asked"
    }
  }
}
