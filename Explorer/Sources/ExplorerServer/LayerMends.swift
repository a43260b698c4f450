import Volute
import VoluteInsight

/// Changes of one parameter that make an impossible layer possible.
struct LayerMends {
  let request: LayerRequest

  /// A change, as the page applies it: the parameter's new values on all axes.
  struct Change {
    let parameter: String
    let text: String
    let request: LayerRequest
  }

  var json: JSON {
    .array(
      changes.map { change in
        let values: JSON =
          switch change.parameter {
          case "kernel": .integers(change.request.kernel)
          case "stride": .integers(change.request.stride)
          case "dilation": .integers(change.request.dilation ?? [])
          case "size": .integers(change.request.size ?? [])
          case "outputPadding": .integers(change.request.outputPadding ?? [])
          case "mode": .strings(change.request.mode ?? [])
          default: .array((change.request.padding ?? []).map { .integers($0) })
          }
        return ["text": .string(change.text), "parameter": .string(change.parameter), "values": values]
      })
  }

  /// For each parameter, the nearest values that mend every axis that is wrong.
  var changes: [Change] {
    guard let size = request.size, (1...LayerRequest.largestRank).contains(size.count),
      (try? request.specification(size: size)) != nil
    else { return [] }
    let wrong = size.indices.filter { !isPossible(request, $0) }
    guard !wrong.isEmpty else { return [] }
    return ["padding", "kernel", "dilation", "stride", "outputPadding", "mode", "size"].compactMap {
      parameter in
      var changed = request
      var parts: [String] = []
      for axis in wrong {
        guard let (next, text) = nearest(changed, parameter, axis) else { return nil }
        changed = next
        parts.append(size.count > 1 ? "\(text) on axis \(axis)" : text)
      }
      guard (try? LayerAnswers(changed)) != nil else { return nil }
      return Change(parameter: parameter, text: parts.joined(separator: ", "), request: changed)
    }
  }

  /// Whether an axis is possible by itself.
  private func isPossible(_ request: LayerRequest, _ axis: Int) -> Bool {
    guard let size = request.size,
      let specification = try? request.alone(axis).specification(size: [size[axis]])
    else { return false }
    return (try? ResolvedLayer(specification, inputSize: [size[axis]])) != nil
  }

  /// The request with the nearest possible value of one parameter on one axis.
  private func nearest(
    _ request: LayerRequest, _ parameter: String, _ axis: Int
  ) -> (LayerRequest, String)? {
    for distance in 1...64 {
      for sign in [1, -1] {
        var changed = request
        let text: String
        switch parameter {
        case "kernel":
          changed.kernel[axis] += sign * distance
          text = "kernel \(changed.kernel[axis])"
        case "stride":
          changed.stride[axis] += sign * distance
          text = "stride \(changed.stride[axis])"
        case "dilation":
          changed.dilation = request.dilation ?? request.kernel.map { _ in 1 }
          changed.dilation?[axis] += sign * distance
          text = "dilation \(changed.dilation?[axis] ?? 1)"
        case "outputPadding":
          changed.outputPadding = request.outputPadding ?? request.kernel.map { _ in 0 }
          changed.outputPadding?[axis] += sign * distance
          text = "output padding \(changed.outputPadding?[axis] ?? 0)"
        case "size":
          changed.size?[axis] += sign * distance
          text = "input size \(changed.size?[axis] ?? 0)"
        case "mode":
          guard distance == 1, sign == 1 else { return nil }
          changed.mode = request.mode ?? request.kernel.map { _ in "zeros" }
          guard changed.mode?[axis] != "circular" else { return nil }
          changed.mode?[axis] = "circular"
          text = "circular padding"
        default:
          changed.padding = request.padding ?? request.kernel.map { _ in [0, 0] }
          let old = changed.padding?[axis] ?? [0, 0]
          changed.padding?[axis] = old.map { max(0, $0 + sign * distance) }
          let new = changed.padding?[axis] ?? []
          text = "padding \(new[0] == new[1] ? "\(new[0])" : "\(new[0]):\(new[1])")"
        }
        if isPossible(changed, axis) { return (changed, text) }
      }
    }
    return nil
  }
}

extension LayerRequest {
  /// One axis of the layer, as a layer.
  func alone(_ axis: Int) -> LayerRequest {
    var one = self
    one.size = size.map { [$0[axis]] }
    one.kernel = [kernel[axis]]
    one.stride = [stride[axis]]
    one.dilation = dilation.map { [$0[axis]] }
    one.padding = padding.map { [$0[axis]] }
    one.mode = mode.map { [$0[axis]] }
    one.outputPadding = outputPadding.map { [$0[axis]] }
    (one.inputChannels, one.outputChannels, one.groups) = (nil, nil, nil)
    return one
  }
}
