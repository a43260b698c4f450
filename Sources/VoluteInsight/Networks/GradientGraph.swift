import Volute

/// The operations that a tensor was made by, down to the leaves, as a picture.
public struct GradientGraph: Sendable {
  /// An operation or a leaf.
  public struct Node: Sendable {
    /// The operation, or the leaf's name.
    public let title: String
    /// The shape of what it gives.
    public let shape: [Int]
    /// Whether it is a tensor that asked for a gradient.
    public let isLeaf: Bool
    /// The longest way from a leaf.
    let rank: Int
  }

  /// Inputs before the operations that use them.
  public private(set) var nodes: [Node] = []
  /// From an input to the operation that uses it, as places in `nodes`.
  public private(set) var edges: [(from: Int, to: Int)] = []

  /// - Parameters:
  ///   - tensor: what was computed.
  ///   - names: of parameters, for the leaves; others are called "leaf".
  public init(of tensor: Tensor, names: [(key: String, parameter: Parameter)] = []) {
    var titles: [ObjectIdentifier: String] = [:]
    for (key, parameter) in names {
      if let node = parameter.value.node { titles[ObjectIdentifier(node)] = key }
    }
    var places: [ObjectIdentifier: Int] = [:]
    // Without recursion: a graph may be deep.
    var waiting: [(node: GradientNode, isReady: Bool)] = tensor.node.map { [($0, false)] } ?? []
    while let (node, isReady) = waiting.popLast() {
      let id = ObjectIdentifier(node)
      if places[id] != nil { continue }
      let inputs = node.inputs.compactMap { $0 }
      if !isReady {
        waiting.append((node, true))
        waiting += inputs.reversed().filter { places[ObjectIdentifier($0)] == nil }.map { ($0, false) }
        continue
      }
      let sources = inputs.compactMap { places[ObjectIdentifier($0)] }
      places[id] = nodes.count
      edges += sources.map { ($0, nodes.count) }
      nodes.append(
        Node(
          title: titles[id] ?? (node.isLeaf ? "leaf" : node.name), shape: node.shape, isLeaf: node.isLeaf,
          rank: (sources.map { nodes[$0].rank }.max() ?? -1) + 1))
    }
  }

  /// The graph in the language of Graphviz, from left to right.
  public var dot: String {
    var lines = ["digraph gradients {", "  rankdir=LR;", "  node [shape=box, fontname=\"sans-serif\"];"]
    for (index, node) in nodes.enumerated() {
      let style = node.isLeaf ? ", style=filled, fillcolor=\"#cfe8cf\"" : ""
      let title = node.title.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      lines.append("  n\(index) [label=\"\(title)\\n\(sizes(node.shape))\"\(style)];")
    }
    lines += edges.map { "  n\($0.from) -> n\($0.to);" }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  /// The graph as a picture of its own, a column for each step from the leaves.
  public var svg: String {
    let (width, height, gapX, gapY, margin) = (190, 44, 60, 16, 20)
    var columns: [[Int]] = []
    // A leaf stands just before the first operation that uses it.
    var ranks = nodes.map(\.rank)
    for edge in edges.reversed() where nodes[edge.from].isLeaf {
      let uses = edges.filter { $0.from == edge.from }.map { nodes[$0.to].rank }
      ranks[edge.from] = (uses.min() ?? 1) - 1
    }
    for (index, rank) in ranks.enumerated() {
      while columns.count <= rank { columns.append([]) }
      columns[rank].append(index)
    }
    let rows = columns.map(\.count).max() ?? 1
    let total = (
      x: 2 * margin + columns.count * width + max(columns.count - 1, 0) * gapX,
      y: 2 * margin + rows * height + (rows - 1) * gapY
    )
    var places = Array(repeating: (x: 0, y: 0), count: nodes.count)
    for (column, members) in columns.enumerated() {
      let used = members.count * height + (members.count - 1) * gapY
      for (row, node) in members.enumerated() {
        places[node] = (margin + column * (width + gapX), (total.y - used) / 2 + row * (height + gapY))
      }
    }
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(total.x) \(total.y)\" width=\"\(total.x)\" "
        + "height=\"\(total.y)\" font-family=\"system-ui, sans-serif\" font-size=\"12\">",
      "<style>rect{fill:#fff;stroke:#445}.leaf{fill:#d8efd8}text{fill:#112;text-anchor:middle}path{fill:none;"
        + "stroke:#778}.b{fill:#fff}@media(prefers-color-scheme:dark){.b{fill:#14171c}rect{fill:#222a35;"
        + "stroke:#9ab}.leaf{fill:#1f3a26}text{fill:#e8eef5}path{stroke:#8a97a8}}</style>",
      "<rect class=\"b\" width=\"100%\" height=\"100%\" stroke=\"none\"/>",
    ]
    for edge in edges {
      let (a, b) = (places[edge.from], places[edge.to])
      let (x1, y1, x2, y2) = (a.x + width, a.y + height / 2, b.x, b.y + height / 2)
      let middle = (x1 + x2) / 2
      lines.append("<path d=\"M\(x1) \(y1)C\(middle) \(y1) \(middle) \(y2) \(x2) \(y2)\"/>")
    }
    for (index, node) in nodes.enumerated() {
      let place = places[index]
      lines.append(
        "<rect\(node.isLeaf ? " class=\"leaf\"" : "") x=\"\(place.x)\" y=\"\(place.y)\" width=\"\(width)\" "
          + "height=\"\(height)\" rx=\"6\"/>")
      lines.append(
        "<text x=\"\(place.x + width / 2)\" y=\"\(place.y + 18)\">\(escaped(node.title))</text>")
      lines.append(
        "<text x=\"\(place.x + width / 2)\" y=\"\(place.y + 35)\">\(sizes(node.shape))</text>")
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  private func sizes(_ shape: [Int]) -> String {
    shape.isEmpty ? "()" : shape.map(String.init).joined(separator: " × ")
  }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
