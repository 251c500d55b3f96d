// The names that the declaration of the service leaves open.
import {
  WebSocketService, type ConnectionMetrics, type ConnectionState, type QuotesMessage, type TapeflowError, type WebSocketConfig,
} from "@tapeflow/client";

type UnsubscribeFn = () => void;
type MessageHandler = (message: QuotesMessage) => void;
type ErrorHandler = (error: TapeflowError) => void;
type ConnectionHandler = (state: ConnectionState) => void;
