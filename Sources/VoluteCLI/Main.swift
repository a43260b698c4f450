import ArgumentParser
import VoluteArithmetic
import VoluteFormats

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The `volute` command.
@main
struct VoluteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "volute",
    abstract: "N-dimensional convolution: compute it, understand it.",
    version: "0.1.0",
    subcommands: [
      ApplyCommand.self, ShapeCommand.self, SolveCommand.self, ExplainCommand.self, AnimateCommand.self,
      PlanCommand.self, BenchCommand.self, BenchTrainingCommand.self, InspectCommand.self,
      SummaryCommand.self, TraceCommand.self, GraphCommand.self,
      ConvertCommand.self, TrainCommand.self, EncodeCommand.self, DecodeCommand.self, SampleCommand.self,
      EvaluateCommand.self, TourCommand.self,
    ])

  /// Exit statuses of `sysexits.h`: what was asked is wrong, or what was given to work on is.
  private static let wrongUsage: Int32 = 64
  private static let wrongData: Int32 = 65

  /// What ArgumentParser's own sentences begin with.
  static let _errorPrefix = "volute: "

  /// The words that lead to a command from one above it.
  private static func path(
    to command: any ParsableCommand.Type, below group: any ParsableCommand.Type
  ) -> [String]? {
    let word = group.configuration.commandName ?? "volute"
    if command == group { return [word] }
    for next in group.configuration.subcommands {
      if let rest = path(to: command, below: next) { return [word] + rest }
    }
    return nil
  }

  /// The one place where an error becomes a sentence on standard error and an exit status: 64 for wrong usage, 65
  /// for wrong data.
  @MainActor static func main() async {
    var name = "volute"
    do {
      var command = try parseAsRoot()
      name = path(to: type(of: command), below: self)?.joined(separator: " ") ?? name
      if var waiting = command as? any AsyncParsableCommand {
        try await waiting.run()
      } else {
        try command.run()
      }
    } catch let error as ShapeError {
      Terminal.error.fail(error.description, status: wrongData)
    } catch let error as FormatError {
      Terminal.error.fail(error.description, status: wrongData)
    } catch let error as ValidationError {
      Terminal.error.fail(
        "\(error.message)\n  See '\(name) --help' for more information.", status: wrongUsage)
    } catch {
      exit(withError: error)
    }
  }
}
