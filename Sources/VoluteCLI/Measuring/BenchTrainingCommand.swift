import ArgumentParser
import Volute
import VoluteEngine
import VoluteModels

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

struct BenchTrainingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-training",
    abstract: "The time that a training step of the cylindrical U-Net takes: forward, backward and Adam.",
    discussion: """
      One step to warm up, then --repeat steps that are timed, on random showers.

        volute bench-training --preset dataset2 --batch 16 --json
      """)

  @Option(help: "The published geometry.")
  var preset = NamedNetwork.dataset2

  @Option(help: "Showers in a step.")
  var batch = 16

  @Option(help: "Threads; by default as many as there are processors.")
  var threads: Int?

  @Option(name: .customLong("repeat"), help: "Timed steps.")
  var count = 5

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value) in [("batch", batch), ("repeat", count), ("threads", threads ?? 1)] where value < 1 {
      throw ValidationError("--\(name) \(value) is none; give 1 or more")
    }
  }

  func run() throws {
    if let threads { Engine.threadCount = threads }
    let configuration = preset.configuration
    manualSeed(7)
    let net = CylindricalUNet(configuration)
    let optimizer = Adam(net.parameters, learningRate: 4e-4)
    let x = Tensor.randn([batch, configuration.channels] + configuration.size)
    let target = Tensor.randn([batch, 1] + configuration.size)
    let (energy, time) = (Tensor.rand([batch]), Tensor.rand([batch]))
    var (forward, step) = ([Double](), [Double]())
    let clock = ContinuousClock()
    for index in 0...count {
      let start = clock.now
      optimizer.zeroGrad()
      let loss = try mseLoss(net(x, energy: energy, time: time), target)
      let middle = clock.now
      loss.backward()
      optimizer.step()
      let end = clock.now
      if index == 0 { continue }
      forward.append((middle - start) / .milliseconds(1))
      step.append((end - start) / .milliseconds(1))
    }
    forward.sort()
    step.sort()
    let resident = peakResidentBytes()
    if json {
      print(
        "{\"preset\": \"\(preset.rawValue)\", \"batch\": \(batch), \"threads\": \(Engine.threadCount), "
          + "\"isa\": \"\(Engine.instructionSet)\", \"repeat\": \(count), \"forward_ms\": \(forward[count / 2]), "
          + "\"step_ms\": \(step[count / 2]), \"peak_resident_bytes\": \(resident)}")
    } else {
      print(
        """
        \(preset.rawValue), batch \(batch), \(Engine.threadCount) threads, \(Engine.instructionSet)
          forward        \(timeText(.milliseconds(1) * forward[count / 2]))
          step           \(timeText(.milliseconds(1) * step[count / 2]))
          peak memory    \(scaled(Double(resident), unit: "B"))
        """)
    }
  }
}
