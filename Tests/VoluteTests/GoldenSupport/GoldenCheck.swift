import Foundation
import Testing
import Volute

extension GoldenCase {
  /// Calls that PyTorch refuses and Volute deliberately takes.
  static let accepted = [
    "interpolate2d-float32-linear-batched-axes-2": "one scale serves every axis",
    "interpolate2d-float32-linear-batched-mode-1": "one linear mode serves every rank",
    "interpolate1d-float32-linear-batched-mode-1": "one linear mode serves every rank",
    "interpolate2d-float32-linear-batched-mode-2": "one linear mode serves every rank",
    "interpolate1d-float32-bicubic-batched-mode-1": "cubic serves every rank",
    "interpolate3d-float32-bicubic-batched-mode-1": "cubic serves every rank",
    "interpolate1d-float32-linear-batched-antialias-1": "antialias serves every rank",
    "interpolate3d-float32-linear-batched-antialias-1": "antialias serves every rank",
    "interpolate1d-uint8-linear-batched-dtype-1": "uint8 is taken at every rank",
    "interpolate3d-uint8-linear-batched-dtype-1": "uint8 is taken at every rank",
  ]

  /// Whether the case asks for a word that an enumeration of ours lacks, so that it cannot even be written.
  private var isNotRepresentable: Bool {
    guard let error else { return false }
    return error.contains("padding mode mirror") || text("mode") == "hermite" || text("reduction") == "median"
  }

  /// Refusals for another, earlier reason than PyTorch's, so that not all of its numbers can appear.
  static let otherFacts = [
    "fold2d-float32-batched-kernel-too-large-1": "the kernel is refused before blocks are counted",
    "avg_pool2d-float32-unbatched-rank-1": "PyTorch stumbles over an axis; the sentence names the shape",
  ]

  /// Runs the case and compares every output, or the refusal.
  ///
  /// - Parameter body: throws ``ShapeError`` where it refuses.
  func check(_ body: () throws -> [Tensor]) throws {
    if isNotRepresentable { return }
    do {
      let actual = try body()
      guard error == nil || Self.accepted[name] != nil else {
        Issue.record("\(name): not refused, but gave \(actual.map(\.shape)); expected: \(error ?? "")")
        return
      }
      if error != nil { return }
      let expected = try outputs()
      #expect(actual.count == expected.count, "\(name)")
      for (ours, theirs) in zip(actual, expected) { compare(ours, theirs) }
    } catch let refusal as ShapeError {
      guard let error else {
        Issue.record("\(name): refused: \(refusal)")
        return
      }
      checkFacts(of: error, in: refusal)
    }
  }

  /// - Parameter what: the tensor's name, where it is not the only one.
  func compare(_ ours: Tensor, _ theirs: Tensor, _ what: String = "") {
    guard ours.shape == theirs.shape, ours.dtype == theirs.dtype else {
      Issue.record("\(name) \(what): \(ours.dtype) \(ours.shape), expected \(theirs.dtype) \(theirs.shape)")
      return
    }
    let defaults: [DType: Double] = [.float64: 1e-12, .float32: 1e-5, .float16: 2e-3, .bfloat16: 1.6e-2]
    let tolerance = line["tolerance"] as? Double ?? defaults[ours.dtype] ?? 0
    let absolute = line["atol"] as? Double ?? 0
    if ours.dtype == .int64 {
      #expect(ours.integers() == theirs.integers(), "\(name)")
      return
    }
    let pairs = zip(ours.elements(as: Double.self), theirs.elements(as: Double.self))
    for (place, (a, b)) in pairs.enumerated() {
      let isSame = a == b || (a.isNaN && b.isNaN)
      if isSame || abs(a - b) <= absolute + tolerance * max(1, abs(b)) { continue }
      Issue.record("\(name) \(what): element \(place) is \(a), expected \(b)\nours \(ours)\ntheirs \(theirs)")
      return
    }
  }

  /// Every number of the call that the expected text names must stand in ours too.
  func checkFacts(of expected: String, in refusal: ShapeError) {
    let ours = Self.integers(in: refusal.description)
    let known = numbersOfTheCall()
    let missing = Self.integers(in: expected).intersection(known).subtracting(ours)
    #expect(
      missing.isEmpty || Self.otherFacts[name] != nil,
      "\(name): \(missing.sorted()) missing\nours: \(refusal)\ntheirs: \(expected)")
    #expect(!refusal.operation.isEmpty && !refusal.parameter.isEmpty, "\(name)")
  }

  private static func integers(in text: String) -> Set<Int> {
    // Words such as `conv2d` and `float32` hold no facts.
    let words = text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
    return Set(words.compactMap { Int($0) })
  }

  /// The numbers that a person gave: sizes of the inputs and arguments.
  private func numbersOfTheCall() -> Set<Int> {
    var result: Set<Int> = []
    func collect(_ json: Any) {
      switch json {
      case let list as [Any]: list.forEach(collect)
      case let number as Int: result.insert(abs(number))
      default: break
      }
    }
    arguments.values.forEach(collect)
    for input in (line["inputs"] as? [String: [String: Any]] ?? [:]).values {
      collect(input["shape"] ?? [])
    }
    // 0 and 1 stand in names and prose too.
    return result.subtracting([0, 1])
  }
}
