import { AnalyticsWebSocket } from './websocket-client'

const client = new AnalyticsWebSocket(
    {
        url: 'ws://localhost:7999/ws/analytics',
        token: jwtToken,
        channels: ['routing-metrics', 'lp-performance', 'exposure-updates', 'alerts'],
        autoReconnect: true,
        debug: true,
    },
    {
        onRoutingMetrics: (data) => {
            updateRoutingDashboard(data)
        },
        onLPPerformance: (data) => {
            updateLPStatus(data)
        },
        onExposureUpdate: (data) => {
            updateExposureGauge(data)
        },
        onAlert: (data) => {
            showAlert(data)
        },
    }
)

client.connect()
