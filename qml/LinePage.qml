import QtQuick
import Slipway

// The places of the line in bench order, as large as the window lets them be.
FocusScope {
    id: page

    required property LineViewModel line

    readonly property int count: line.places.count
    readonly property bool dense: count >= Theme.denseFrom
    readonly property real gap: dense ? Theme.tileGapDense : Theme.tileGap
    readonly property int columns: columnsFor(count, width, height)
    readonly property int rows: Math.ceil(count / Math.max(1, columns))
    readonly property real tileWidth: (width - gap * (columns - 1)) / Math.max(1, columns)
    readonly property real tileHeight: (height - gap * (rows - 1)) / Math.max(1, rows)

    // As on the bench: one row, then two, then three; a tall window turns that round.
    function columnsFor(count: int, width: real, height: real): int {
        const rows = count <= 3 ? 1 : count <= 16 ? 2 : count <= 24 ? 3 : Math.ceil(count / 8);
        return width >= height ? Math.ceil(count / rows) : rows;
    }

    Binding {
        target: page.line
        property: "columns"
        value: page.columns
    }

    Repeater {
        id: tiles

        model: page.line.places

        SlotTile {
            required property int index

            objectName: "tile-" + (index + 1)
            x: (index % page.columns) * (page.tileWidth + page.gap)
            y: Math.floor(index / page.columns) * (page.tileHeight + page.gap)
            width: page.tileWidth
            height: page.tileHeight
            line: page.line
            dense: page.dense
            focus: index === 0
            onPressed: {
                if (selected)
                    page.line.open(place.number);
                else
                    page.line.select(place.number);
            }
        }
    }

    Text {
        objectName: "noPlaces"
        anchors.centerIn: parent
        width: Math.min(parent.width, Theme.column)
        visible: page.count === 0
        text: qsTr("This line has no places yet. Name their ports in station.yaml of the home, then start Slipway again.")
        color: Theme.ink
        font: Theme.sans(Theme.title, Font.Bold)
        wrapMode: Text.Wrap
        horizontalAlignment: Text.AlignHCenter
    }

    Connections {
        target: page.line

        function onValueEntryWanted(number: int): void {
            if (page.dense)
                page.line.open(number);
        }
    }

    function takeFocus(): void {
        const tile = tiles.itemAt(line.selected - 1);
        if (tile)
            tile.forceActiveFocus();
    }

    onVisibleChanged: if (visible) takeFocus()
    Component.onCompleted: if (visible) takeFocus()
}
