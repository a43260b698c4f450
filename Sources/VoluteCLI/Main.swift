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
struct VoluteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "volute",
    abstract: "N-dimensional convolution: compute it, understand it.",
    version: "0.1.0",
    subcommands: [ApplyCommand.self, ShapeCommand.self, TourCommand.self])

  /// Exit statuses of `sysexits.h`: what was asked is wrong, or what was given to work on is.
  private static let wrongData: Int32 = 65

  /// The one place where an error becomes a sentence on standard error and an exit status: 64 for wrong usage, 65
  /// for wrong data.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as ShapeError {
      Terminal.error.fail(error.description, status: wrongData)
    } catch let error as FormatError {
      Terminal.error.fail(error.description, status: wrongData)
    } catch {
      exit(withError: error)
    }
  }
}
