#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif
import Volute
import VoluteEngine

/// Bytes of memory that the process has in use, as the system counts them.
func residentBytes() -> Int {
  #if os(Linux)
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var text = [UInt8](repeating: 0, count: 256)
    let count = fread(&text, 1, text.count, file)
    let fields = text[..<count].split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  #else
    // The most so far: what leaks makes it grow.
    var usage = rusage()
    getrusage(RUSAGE_SELF, &usage)
    return Int(usage.ru_maxrss)
  #endif
}

/// What is held between two steps.
struct Held {
  let engine = Engine.memory.inUse
  let resident = residentBytes()

  var json: String { "{\"engine\": \(engine), \"resident\": \(resident)}" }
}

/// A small net of many kinds of layers, and what trains it.
struct Training {
  let net = Sequential(
    Conv2d(inChannels: 2, outChannels: 8, kernelSize: 3, padding: .same, paddingMode: [.zeros, .circular]),
    BatchNorm2d(channels: 8), SiLU(), MaxPool2d(kernelSize: 2),
    Residual(Conv2d(inChannels: 8, outChannels: 8, kernelSize: 3, padding: 1)),
    GroupNorm(groups: 2, channels: 8),
    ConvTranspose2d(inChannels: 8, outChannels: 4, kernelSize: 2, stride: 2), ReLU(), Flatten(),
    Dropout(probability: 0.2), Linear(inFeatures: 4 * 24 * 24, outFeatures: 5))
  let optimizer: AdamW
  let scheduler: Scheduler<AdamWRule>
  let loader: DataLoader<TensorDataset>

  init(steps: Int) throws {
    optimizer = AdamW(net.parameters, learningRate: 1e-3)
    scheduler = Scheduler(optimizer, WarmUp(steps: 20, then: CosineAnnealingLR(period: steps)))
    loader = DataLoader(
      try TensorDataset(Tensor.randn([192, 2, 24, 24]), Tensor.randint(0, 5, [192])), batchSize: 16,
      shuffleSeed: 1)
  }

  /// Takes `count` steps, epoch after epoch; nothing of them is alive when it returns.
  func run(_ count: Int) throws -> Double {
    var (done, loss, epoch) = (0, 0.0, 0)
    while done < count {
      // Not read ahead: the system's task queues keep memory of their own.
      let batches = loader.epoch(epoch)
      for number in batches.batches.prefix(count - done) {
        let batch = try batches.batch(at: number)
        optimizer.zeroGrad()
        let error = try crossEntropy(net(batch[0]), batch[1])
        error.backward()
        clipGradNorm(net.parameters, maximum: 1)
        optimizer.step()
        scheduler.step()
        loss = error.item(as: Double.self)
        done += 1
      }
      epoch += 1
    }
    net.zeroGrad()
    return loss
  }
}

/// Takes training steps of a small net and prints, as one JSON object, what the engine and the process hold of memory
/// after the warm-up and at the end: `LeakCheck [WARM-UP] [STEPS]`.
@main
enum LeakCheck {
  static func main() throws {
    let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
    let warmUp = numbers.first ?? 50
    let steps = numbers.dropFirst().first ?? 1_000
    manualSeed(1)
    let training = try Training(steps: warmUp + steps)
    let first = try training.run(warmUp)
    let before = Held()
    let last = try training.run(steps)
    let after = Held()
    print(
      "{\"warm_up\": \(warmUp), \"steps\": \(steps), \"first_loss\": \(first), \"last_loss\": \(last), "
        + "\"before\": \(before.json), \"after\": \(after.json)}")
  }
}
