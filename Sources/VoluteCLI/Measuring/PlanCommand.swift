import ArgumentParser
import Volute
import VoluteEngine

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "The algorithms that could compute a convolution, and the one that is taken.",
    discussion: """
      Predicted times are for one core, by constants that ship with Volute: the choice depends on the shapes, the type, \
      the instruction set and the workspace limit, never on the clock. --measure times each candidate besides, and \
      remembers the fastest for --algorithm measured, which programs and the other commands take too: in the file \
      plans of VOLUTE_CACHE_DIR, XDG_CACHE_HOME/volute or ~/.cache/volute.

        volute plan conv3d --input-shape 1,7,100,100,100 --weight-shape 1,7,50,50,50
        volute plan conv2d --input-shape 8,64,56,56 --weight-shape 64,64,3,3 \\
          --padding 1 --measure
      """)

  @OptionGroup var convolution: ConvolutionCase

  @Flag(
    name: .long,
    help: "Time every candidate that is predicted to take less than ten seconds, and remember the fastest.")
  var measure = false

  func run() throws {
    let geometry = try convolution.geometry()
    let (direction, dtype) = (convolution.direction, convolution.dtype)
    if measure || convolution.algorithm == .measured { try ConvolutionRun.check(geometry, dtype) }
    let measured =
      measure ? try Engine.measure(geometry, direction, dtype, within: .infinity, seconds: 10) : []
    let plan = try Engine.plan(geometry, direction, dtype, policy: convolution.algorithm)
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
      let time = measured.first { $0.plan.algorithm == candidate.algorithm }.map {
        timeText(.seconds(1) * $0.seconds)
      }
      let measuredText = measure ? padded(time ?? "-", 11) : ""
      let bound = candidate.algorithm.errorBound(plan.direction)
      print(
        "\(mark) \(padded(candidate.algorithm.rawValue, 13))\(padded(predicted, 11))\(measuredText)"
          + "\(padded(scaled(Double(candidate.workspace), unit: "B"), 11))\(bound.rms), \(bound.maximum)")
    }
    print("\n  taken: \(reason(plan))")
    if let fastest = measured.first {
      print("  remembered for --algorithm measured: \(fastest.plan.algorithm.rawValue)")
    }
  }

  private func reason(_ plan: ConvolutionPlan) -> String {
    let name = plan.algorithm.rawValue
    return switch convolution.algorithm {
    case .automatic where plan.candidates.first?.algorithm != plan.algorithm:
      "\(name), which adds up the definition's products and may take a tenth longer for it"
    case .automatic: "\(name), the least predicted time of those that fit the limit"
    case .exact: "\(name), the least predicted time of those that add up the definition's products"
    case .measured: "\(name), the least time that was measured"
    case .algorithm: "\(name), as asked"
    }
  }
}
