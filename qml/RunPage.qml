import QtQuick
import Slipway

// A run: the banner, its steps, the log of the chosen step, and what is known of the unit.
FocusScope {
    id: page

    required property LineViewModel line
    readonly property RunViewModel run: line.run
    readonly property real sideWidth: Math.min(Theme.factsWidth * Math.min(Theme.textScale, 1.5), width * 0.36)

    function takeFocus(): void {
        if (!banner.takeFocus())
            steps.forceActiveFocus();
    }

    onVisibleChanged: if (visible)
        takeFocus()

    Connections {
        target: page.line
        enabled: page.visible

        function onValueEntryWanted(): void {
            banner.takeFocus();
        }
    }

    Keys.onPressed: event => {
        if (event.key !== Qt.Key_PageDown && event.key !== Qt.Key_PageUp)
            return;
        const step = scroll.height * (event.key === Qt.Key_PageDown ? 0.8 : -0.8);
        scroll.contentY = Theme.within(0, scroll.contentY + step, scroll.contentHeight - scroll.height);
        event.accepted = true;
    }

    Flickable {
        id: scroll

        anchors.fill: parent
        contentHeight: Math.max(height, banner.height + Theme.bodyLeast + Theme.space * 2)
        interactive: contentHeight > height
        boundsBehavior: Flickable.StopAtBounds
        clip: true

        ScrollMark {
            view: scroll
        }

        Banner {
            id: banner

            objectName: "banner"
            width: page.width
            height: implicitHeight
            line: page.line
        }

        Rectangle {
            id: main

            x: Theme.wideSpace
            y: banner.height + Theme.space
            width: page.width - side.width - Theme.wideSpace * 2 - Theme.space
            height: scroll.contentHeight - y - Theme.space
            radius: Theme.radius
            color: Theme.surface
            border.width: Theme.hair
            border.color: Theme.edge

            Flickable {
                id: steps

                objectName: "steps"
                x: Theme.hair
                y: Theme.gap
                width: parent.width - Theme.hair * 2
                height: Math.min(contentHeight, parent.height - Theme.logLeast)
                contentHeight: list.height
                clip: true
                boundsBehavior: Flickable.StopAtBounds
                interactive: contentHeight > height
                focus: true
                activeFocusOnTab: true
                onHeightChanged: soon.restart()
                onContentHeightChanged: soon.restart()
                Accessible.role: Accessible.List
                Accessible.name: qsTr("Steps")

                // The chosen row, whole; the page follows only a person.
                function reveal(): void {
                    const row = rows.itemAt(page.run.selectedStep);
                    if (!row)
                        return;
                    contentY = Theme.within(Math.max(0, row.y + row.height - height), contentY, row.y);
                    if (!page.run.stepChosen)
                        return;
                    const top = row.mapToItem(scroll.contentItem, 0, 0).y;
                    scroll.contentY = Theme.within(Math.max(0, top + row.height + Theme.space - scroll.height), scroll.contentY, Math.max(0, top - Theme.space));
                }

                // When the rows have found their heights.
                Timer {
                    id: soon

                    interval: 0
                    onTriggered: steps.reveal()
                }

                Connections {
                    target: page.run

                    function onSelectedStepChanged(): void {
                        soon.restart();
                    }
                }

                ScrollMark {
                    view: steps
                }

                Column {
                    id: list

                    width: steps.width

                    Repeater {
                        id: rows

                        model: page.run.steps

                        StepRow {
                            objectName: "step-" + (index + 1)
                            width: list.width
                            height: implicitHeight
                            selected: page.run.selectedStep === index
                            ring: steps.activeFocus
                            onChosen: page.run.selectStep(index)
                        }
                    }
                }
            }

            Text {
                x: Theme.wideSpace
                y: Theme.wideSpace
                visible: page.run.steps.count === 0
                text: qsTr("No run in this place yet.")
                color: Theme.inkQuiet
                font: Theme.sans(Theme.body, Font.Normal)
            }

            LogPanel {
                y: steps.y + Math.max(steps.height, page.run.steps.count === 0 ? Theme.rowHeight * 2 : 0) + Theme.space
                width: parent.width
                height: parent.height - y - Theme.gap
                run: page.run
            }
        }

        Rectangle {
            id: side

            x: page.width - width - Theme.wideSpace
            y: main.y
            width: page.sideWidth
            height: main.height
            radius: Theme.radius
            color: Theme.surface
            border.width: Theme.hair
            border.color: Theme.edge

            FactsPanel {
                anchors.fill: parent
                anchors.margins: Theme.hair
                sections: page.run.sections
            }
        }
    }
}
